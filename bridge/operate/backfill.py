"""Gives a sink what it would have got, had it been there all the time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bridge.events import EncodedEvent
from bridge.queue import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """The result of one page of a list, read to deliver what a sink has missed.

    Attributes:
        resource: Name of the resource.
        namespace: Namespace; ``*``: all.
        listed: Number of objects on the page.
        queued: Number of deliveries that wait now in addition.
        oldest: Time of the oldest event queued, RFC 3339; None: none was.
        place: Where to go on; None: this was the end.
    """

    resource: str
    namespace: str
    listed: int
    queued: int
    oldest: str | None
    place: str | None


class BackfillRunner(Protocol):
    """Gives a sink what it would have got, had it been there all the time."""

    def wanted(self, sink: str) -> Callable[[EncodedEvent], bool]:
        """Return a function: does a route lead a stored event to a sink?"""
        ...

    async def list_page(
        self,
        sink: str,
        *,
        place: str | None,
        takes: Callable[[Entry], bool],
    ) -> BackfillPage | None:
        """List a page of what the API server holds, and queue what the sink wants.

        Args:
            sink: Name of the sink.
            place: `BackfillPage.place` of the page before; None: from the beginning.
            takes: Whether an event is to be delivered; called once for each.

        Returns:
            None: there is nothing to list for this sink.

        Raises:
            ClusterError: It cannot be listed now.
            QueueError: There is no room.
        """
        ...
