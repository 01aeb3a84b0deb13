"""What the API tells of readers."""

from datetime import datetime

from bridge.api.models import ApiModel
from bridge.health import ReaderState, ReaderStatus


class ReaderView(ApiModel):
    """What one watch does."""

    sources: list[str]
    """Names of the sources it reads for."""

    resource: str
    """What it watches, e.g. `events`."""

    namespace: str
    """Where; `*`: everywhere."""

    field_selector: str
    label_selector: str

    state: ReaderState
    """`absent`: not served (yet); `silent`: the API server says nothing any more;
    `blocked`: the queue is full; `waiting`: between two tries; `failed`: refused, see
    `error`."""

    started: bool
    """Whether it got as far as watching since the process started."""

    resource_version: str | None
    """The stored cursor; null: never read."""

    error: str
    """Last failure; empty once it is over."""

    last_progress: datetime | None
    """When the cursor last moved."""

    last_read: datetime | None
    """When the API server last said something; null: never."""

    objects: int | None
    """How many are known; null: not counted."""

    gaps: int
    """How many gaps were announced since the process started."""


def describe(reader: ReaderStatus) -> ReaderView:
    """Return what the API tells of a reader."""
    return ReaderView(
        sources=list(reader.sources),
        resource=reader.resource,
        namespace=reader.namespace,
        field_selector=reader.field_selector,
        label_selector=reader.label_selector,
        state=reader.state,
        started=reader.started,
        resource_version=reader.resource_version,
        error=reader.error,
        last_progress=reader.last_progress,
        last_read=reader.last_read,
        objects=reader.objects,
        gaps=reader.gaps,
    )
