"""A dead letter on its way to another sink."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from bridge.errors import SinkError
from bridge.events import EncodedEvent
from bridge.events.encode import decode, encode
from bridge.queue import Forward

MOST_DATA: Final = 1024
"""Most characters of `knativeerrordata`, as Knative cuts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSink:
    """Where the dead letters of a sink go.

    Attributes:
        name: Of the sink that takes them.
        failed: What `knativeerrordest` says: the URL of the sink that failed, as
            `shown_url` shows it.
    """

    name: str
    failed: str

    def forward(self, event: EncodedEvent, error: SinkError) -> Forward:
        """Return the event with what went wrong, under its own id, for that sink.

        The attributes are those that Knative's senders add. Without an answer there
        is neither `knativeerrorcode` nor `knativeerrordata`; an answer without a body
        has no `knativeerrordata`.
        """
        added = {"knativeerrordest": self.failed}
        if error.status is not None:
            added["knativeerrorcode"] = str(error.status)
        if error.excerpt:
            added["knativeerrordata"] = b64encode(error.excerpt)[:MOST_DATA].decode()
        known = decode(event)
        kept = {
            name: value
            for name, value in known.extensions.items()
            if not name.startswith("knativeerror")
        }
        extensions = kept | added
        return Forward(
            sink=self.name, event=encode(replace(known, extensions=extensions))
        )
