"""``python -m polynet`` is the command ``polynet``. Nothing else."""

import sys

from polynet.cli import main

if __name__ == "__main__":
    sys.exit(main())
