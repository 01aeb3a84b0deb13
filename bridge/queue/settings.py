"""Settings of the queue's file."""

from bridge.settings.model import Model, written
from bridge.settings.units import Duration, PositiveSize, Size
from bridge.settings.values import STATE_FOLDER, StatePath


class QueueConfig(Model):
    """The file in which events wait."""

    path: StatePath = written(f"{STATE_FOLDER}/kubebridge/queue.db")
    """Path of the file; its folder is made. By default in the user's state folder
    (`XDG_STATE_HOME`)."""

    max_size: PositiveSize = written("1GiB")
    """Most that waiting events, dead letters and kept events may take. When it is
    reached reading stops, and nothing is lost."""

    keep: Duration = written("1h")
    """How long a delivered event is kept, to be looked at and replayed: an hour is
    what the API server itself keeps Events for."""

    keep_size: Size = written("256MiB")
    """Most that delivered events may take; beyond it the oldest leave first."""

    reserve: Size = written("16MiB")
    """Size of a file beside the queue that is given up when the volume is full all
    the same, so that outcomes can still be recorded."""
