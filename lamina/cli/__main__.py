"""``python -m lamina.cli``."""

import sys

from .main import main

sys.exit(main())
