"""`python -m byzsgd` is `byzsgd`."""

import sys

from byzsgd.cli import main

sys.exit(main())
