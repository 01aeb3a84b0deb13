"""``python -m bridge`` and ``kubebridge``."""

from bridge.signals import stand_by, stand_down

__all__ = ["main"]


def main() -> None:
    """Run the verb on the command line, and leave with its exit code."""
    stand_by()
    from bridge.cli import main as run_verb  # noqa: PLC0415  # imports take a second

    try:
        run_verb()
    finally:
        stand_down()


if __name__ == "__main__":
    main()
