"""Systems that the Functional API can build, each trained on real data: `python -m gallery --list`.

An example is one file of this folder. It is discovered by its name; nothing else need be told of it.
"""

from gallery.runner.about import About as About
from gallery.runner.about import Result as Result
