"""The evidence of attempts, beside the queue."""

from bridge.settings.model import Model, written
from bridge.settings.units import Duration, PositiveSize


class JournalConfig(Model):
    """What became of each attempt, for a while, in a file beside the queue.

    No promise rests on it.
    """

    max_size: PositiveSize = written("64MiB")
    """Most that it may take; beyond it the oldest attempts leave first."""

    keep: Duration = written("24h")
    """How long an attempt is kept at most."""
