"""EVIDENCE: what became of each attempt, for people who ask why.

Bounded and beside the queue: no promise rests on it, and none is broken when its oldest
part is gone.
"""

from typing import Literal, NamedTuple

import msgspec

__all__ = ["Attempt", "Ending", "Recorded"]

Ending = Literal["delivered", "retry", "dead", "released"]
"""What an attempt came to for its delivery; ``released``: it did not count."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """An attempt to deliver one event to one sink.

    Attributes:
        event: Handle of the event, as `Lease.kept`.
        sink: Name of the sink.
        number: From 1.
        at: When it ended, Unix seconds.
        duration_seconds: How long it took.
        ending: What it came to.
        status: HTTP status; None: there was no answer.
        reason: One word, as `SinkError.reason`; empty: delivered.
        excerpt: The first 4 kB of the answer's body, or what went wrong.
        id: The event's own id: it outlives the event, and a queue file.
    """

    event: str
    sink: str
    number: int
    at: float
    duration_seconds: float
    ending: Ending
    status: int | None = None
    reason: str = ""
    excerpt: bytes = b""
    id: str = ""


class Recorded(NamedTuple):
    """An attempt, and its name in the journal: the place to page from."""

    handle: str
    attempt: Attempt
