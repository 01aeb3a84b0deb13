"""``python -m bridge`` and ``kubebridge``."""

from bridge.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
