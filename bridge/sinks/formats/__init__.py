"""Formats: how events become requests, and answers become results.

One file for each family of receivers. A format knows the receiver's form, limits and
way to answer; addresses, credentials, signatures and connections are the sink's::

    events ──render──▶ SinkRequest ──▶ sink, transport ──▶ Response ──judge──▶ results

To add a format: one file here with its settings and its class or body, and its lines
in the lists of `named`; docs/extending.md shows it step by step.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from yarl import URL

from bridge.errors import SinkError
from bridge.events import EncodedEvent
from bridge.events.encode import Header
from bridge.sinks import Accepted
from bridge.sinks.secrets import Secret
from bridge.sinks.transports import Response


class SinkRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request, but for what all requests of the sink have in common.

    Attributes:
        url: Where to.
        body: What is sent.
        fields: Header fields of this request alone, their names in lower case; they
            replace those of the sink.
        method: In upper case.
    """

    url: URL
    body: bytes
    fields: Sequence[Header] = ()
    method: str = "POST"


class Format(Protocol):
    """The form in which one kind of receivers takes events."""

    @property
    def content_type(self) -> str:
        """Content-Type of its requests, unless `SinkRequest.fields` names another."""
        ...

    @property
    def secrets(self) -> Sequence[Secret]:
        """Secrets that stand in the bodies of its requests."""
        ...

    @property
    def max_batch(self) -> int:
        """Most events that one request may carry."""
        ...

    @property
    def answer_bytes(self) -> int:
        """How much of an answer's body `judge` reads; at most 64 KiB."""
        ...

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """Return the request that carries the events, the same at each attempt.

        Args:
            url: The sink's own; path and query may be changed, the host never.
            events: At least one and at most `max_batch`.

        Raises:
            PermanentSinkError: A batch has to be made smaller, or the event cannot
                be rendered.
        """
        ...

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """Return the result of each event, in order.

        Args:
            response: Without secrets.
            events: What was rendered.

        Raises:
            SinkError: It holds for all the events.
        """
        ...
