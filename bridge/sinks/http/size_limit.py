"""How large a request is on the wire, and what happens to an event that is too large.

CloudEvents 1.0.2, "Size Limits": consumers should take 64 KiB, everything counted.
"""

from collections.abc import Callable, Sequence
from itertools import chain

from msgspec.structs import replace
from multidict import CIMultiDict
from yarl import URL

from bridge.errors import PermanentSinkError
from bridge.events import EncodedEvent
from bridge.events.encode import Header, decode, encode
from bridge.logs import RepeatedFailure, get_logger
from bridge.sinks.http.settings import SizeConfig
from bridge.sinks.http.trim import shrink

TRIMMED = "trimmed"
"""The extension attribute that tells how large an event was, in the JSON format."""

_ROUND_BYTES = 512
_DIGITS = len("9999999")
_FRAMING = ("content-length", "transfer-encoding")


def _ignore() -> None:
    """Count nothing."""


class SizeLimit:
    """The ceiling of one sink's requests, and its policy for what is beyond."""

    def __init__(
        self,
        settings: SizeConfig,
        *,
        sink: str,
        count: Callable[[], None] = _ignore,
    ) -> None:
        """Have seen no request.

        Args:
            settings: Most bytes of a request, from its first line to its last byte,
                and what happens to an event that makes a larger one.
            sink: Its name, for messages.
            count: Called for each such event, at each attempt.
        """
        self.max_bytes = settings.max
        self._sink = sink
        self._policy = policy = settings.policy
        self._count = count
        log = get_logger(sink=sink, policy=policy)
        self._log = RepeatedFailure(log, "Event larger than size.max.")

    @property
    def is_sent_all_the_same(self) -> bool:
        """Whether what is larger is sent too, and only counted."""
        return self._policy == "send"

    def room(self, url: URL, headers: CIMultiDict[str]) -> int:
        """Return what is left of the ceiling for a body and further fields.

        Args:
            url: Where to.
            headers: Fields of all requests.
        """
        return self.max_bytes - wire_bytes(url, headers, (), b"") - _DIGITS

    def apply(
        self,
        events: Sequence[EncodedEvent],
        measure: Callable[[Sequence[EncodedEvent]], int],
    ) -> Sequence[EncodedEvent]:
        """Return the events that are sent instead of those given.

        They are the same at every attempt, as long as our header fields keep their
        lengths, more or less.

        Args:
            events: What one request is to carry.
            measure: Returns the bytes of the request that would carry some events.

        Raises:
            PermanentSinkError: A batch has to be made smaller, or the event has to
                become a dead letter.
        """
        size = measure(events)
        if size <= self.max_bytes:
            return events
        if len(events) > 1:
            # Whoever sends halves a batch that is refused for good.
            raise PermanentSinkError(self._expected(size), reason="batch-size")
        self._note()
        smaller = None
        if self._policy == "trim":
            smaller = trim(events[0], most_bytes=self.max_bytes, measure=measure)
        if smaller is None:
            raise PermanentSinkError(self._expected(size), reason="too-large")
        return (smaller,)

    def note_each(self, events: Sequence[EncodedEvent], size: int) -> None:
        """Note the events that would be too large alone; a batch of small ones is not.

        Args:
            events: What is sent in one request.
            size: The bytes of the request.
        """
        if len(events) == 1:
            lengths = [size]
        else:
            head = size - sum(len(event.body) for event in events)
            lengths = [head + len(event.body) for event in events]
        for length in lengths:
            if length > self.max_bytes:
                self._note()

    def _note(self) -> None:
        self._count()
        # The same text each time, or each would be a line in the log.
        self._log.failed(f"expected requests of at most {self.max_bytes} bytes")

    def _expected(self, size: int) -> str:
        return (
            f"sink {self._sink}: expected a request of at most {self.max_bytes} "
            f"bytes, got {size}"
        )


def wire_bytes(
    url: URL, headers: CIMultiDict[str], fields: Sequence[Header], body: bytes
) -> int:
    """Return how many bytes a POST has, whichever engine sends it.

    Args:
        url: Where to.
        headers: Fields of all requests.
        fields: Those of this one, which replace others of the same name.
        body: Its body.
    """
    own = {name.decode() for name, _ in fields}
    start = f"POST {url.raw_path_qs} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    if "Host" not in headers:
        start += f"Host: {url.host_port_subcomponent}\r\n"
    common = sum(
        len(name.encode()) + len(value.encode()) + len(": \r\n")
        for name, value in headers.items()
        if name.lower() not in own and name.lower() not in _FRAMING
    )
    return len(start) + common + length(fields) + len(body)


def length(fields: Sequence[Header]) -> int:
    """Return how many bytes the lines of some fields have."""
    return len(b"".join(chain.from_iterable(fields))) + len(": \r\n") * len(fields)


def trim(
    event: EncodedEvent,
    *,
    most_bytes: int,
    measure: Callable[[Sequence[EncodedEvent]], int],
) -> EncodedEvent | None:
    """Return the event with less in its data; None: that is not enough.

    Args:
        event: What is too large.
        most_bytes: How large the request that carries it may be.
        measure: Returns the bytes of the request that would carry some events.
    """
    if not event.data_offset:
        return None
    bare = _with_data(event, b"0")
    rest = measure([bare]) + _DIGITS
    # Rounded: a token that is a letter longer next time changes nothing.
    rest += -rest % _ROUND_BYTES
    smaller = shrink(event.body[event.data_offset : -1], most_bytes - rest)
    return None if smaller is None else _with_data(event, smaller)


def _with_data(event: EncodedEvent, data: bytes) -> EncodedEvent:
    found = decode(event)
    extensions = {**found.extensions, TRIMMED: str(len(event.body))}
    return encode(replace(found, extensions=extensions, data=data))
