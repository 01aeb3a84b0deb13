"""``python -m bridge`` and ``kubebridge``."""

import sys

from bridge.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
