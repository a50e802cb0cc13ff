"""``python -m proofs_checks`` is the command line."""

import sys

from .cli import main

sys.exit(main())
