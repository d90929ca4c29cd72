"""``python -m goengine``, the same as the installed command ``goengine``."""

import sys

from goengine.cli import main

if __name__ == "__main__":
    sys.exit(main())
