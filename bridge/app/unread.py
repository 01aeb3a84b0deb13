"""What is shown of sources that are not read, or not read yet."""

from collections.abc import Sequence

from bridge.app.sources import WantedSource, target_of
from bridge.cluster.discovery import Target
from bridge.config import Config
from bridge.errors import ClusterError, ForbiddenError, NotServedError
from bridge.health import ReaderState, ReaderStatus


def reader_statuses(config: Config) -> list[ReaderStatus]:
    """Return a status for each source, before anything is known of the cluster."""
    return [
        ReaderStatus(
            sources=(source.name,),
            resource=str(target_of(source)),
            namespace="*",
            is_optional=source.optional,
        )
        for source in config.sources
    ]


def unread_status(target: Target, wanted: Sequence[WantedSource]) -> ReaderStatus:
    """Return the status of sources of which nothing is known but what they name."""
    return ReaderStatus(
        sources=tuple(one.source.name for one in wanted),
        resource=str(target),
        namespace="*",
        is_optional=all(one.is_optional for one in wanted),
    )


def state_of(error: ClusterError) -> ReaderState:
    """Return what a source is in that could not be looked for, or was refused."""
    match error:
        case NotServedError():
            return "absent"
        case ForbiddenError():
            return "failed"
        case _:
            return "waiting"
