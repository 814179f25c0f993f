"""`python -m gallery NAME`, `python -m gallery --list`, `python -m gallery` for all."""

import sys

from gallery.runner.command import main

sys.exit(main())
