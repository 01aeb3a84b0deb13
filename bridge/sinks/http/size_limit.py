"""Measure requests on the wire, and trim, refuse or send events that are too large.

CloudEvents 1.0.2, "Size Limits": consumers should take 64 KiB, everything counted.
Data that is trimmed stays JSON, and is trimmed the same way each time::

    long texts cut ──▶ every text at most 256 bytes ──▶ 4096, 1024, ... 4 items of
                                                       each list and mapping
                       ──▶ only which object it was ──▶ nothing

The first that fits is taken. A text is cut between two characters and says so; what
says which object it is stays whole.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import replace
from multidict import CIMultiDict
from yarl import URL

from bridge.errors import PermanentSinkError
from bridge.events import EncodedEvent
from bridge.events.encode import Header, decode, encode
from bridge.events.validation import NOT_JSON
from bridge.logs import RepeatedFailure, get_logger
from bridge.sinks.http.settings import SizeConfig

TRIMMED = "trimmed"
"""The extension attribute that tells how large an event was, in the JSON format."""

_ROUND_BYTES = 512
_DIGITS = len("9999999")
_FRAMING = ("content-length", "transfer-encoding")


def _ignore() -> None:
    """Count nothing."""


class SizeLimit:
    """Limits the size of one sink's requests by its policy."""

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
        """Return the bytes that the limit leaves for a body and further fields.

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
            # `deliver` halves a batch that is refused for good.
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


SHORTEST_BYTES = 256
"""No text is cut below this: no name, uid or label is longer (DNS: 253)."""

_ITEMS = (4096, 1024, 256, 64, 16, 4)
_OBJECT = ("apiVersion", "kind")
_METADATA = ("namespace", "name", "uid", "resourceVersion")
_KEPT = frozenset({*_OBJECT, *_METADATA, "metadata", "object", "previous"})

# Numbers are written as they were read, with all their digits.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def shrink(data: bytes, most_bytes: int) -> bytes | None:
    """Return JSON of at most so many bytes; None: nothing of use is that small."""
    if len(data) <= most_bytes:
        return data
    try:
        tree = _decode(data)
        for smaller in _candidates(tree, most_bytes):
            encoded = _encode(smaller)
            if len(encoded) <= most_bytes:
                return encoded
    except NOT_JSON:
        # Too deep, too.
        return None
    return None


def _candidates(tree: Any, most_bytes: int) -> Iterator[Any]:
    yield tree
    excess = len(_encode(tree)) - most_bytes
    yield _cut_all(tree, _level(_lengths(tree), excess))
    shortest = _cut_all(tree, SHORTEST_BYTES)
    yield shortest
    for most in _ITEMS:
        yield _clip(shortest, most)
    reference = _reference(tree)
    if reference is not None:
        yield reference


def _lengths(tree: Any) -> list[int]:
    """Return how long the long texts are, longest first."""
    found, left = [], [tree]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, str):
            found.append(_length(one))
    return sorted((size for size in found if size > SHORTEST_BYTES), reverse=True)


def _level(lengths: list[int], excess: int) -> int:
    """Return where to cut all longer texts, so that `excess` bytes are gone."""
    total = 0
    for count, next_one in enumerate([*lengths[1:], 0], 1):
        total += lengths[count - 1] if lengths else 0
        level = (total - excess) // count
        if level >= next_one:
            return max(level, SHORTEST_BYTES)
    return SHORTEST_BYTES


def _cut_all(tree: Any, most_bytes: int) -> Any:
    if isinstance(tree, dict):
        return {key: _cut_all(value, most_bytes) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_cut_all(one, most_bytes) for one in tree]
    return _cut(tree, most_bytes) if isinstance(tree, str) else tree


def _cut(text: str, most_bytes: int) -> str:
    """Return a text that takes at most so many bytes in JSON."""
    if _length(text) <= most_bytes:
        return text
    raw = text.encode()
    marker = f"\u2026[trimmed, {len(raw)} bytes]"
    most = keep = most_bytes - _length(marker)
    while True:
        begin = raw[:keep].decode(errors="ignore")
        length = _length(begin)
        if length <= most:
            return begin + marker
        # Some letters are written as several; each round comes closer.
        keep = keep * most // length


def _length(text: str) -> int:
    return len(_encode(text)) - len('""')


def _clip(tree: Any, most: int) -> Any:
    """Return at most so many of the items of each list and mapping."""
    if isinstance(tree, list):
        return [_clip(one, most) for one in tree[:most]]
    if not isinstance(tree, dict):
        return tree
    others = [key for key in tree if key not in _KEPT]
    dropped = set(others[most:])
    return {key: _clip(one, most) for key, one in tree.items() if key not in dropped}


def _reference(tree: Any) -> dict[str, Any] | None:
    """Return the reference of an object, and of its predecessor if there is one."""
    if not isinstance(tree, dict):
        return None
    if set(tree) == {"object", "previous"}:
        found = _reference(tree["object"])
        return found and {"object": found, "previous": _reference(tree["previous"])}
    metadata = tree.get("metadata")
    named = _texts(metadata, _METADATA) if isinstance(metadata, dict) else {}
    return {**_texts(tree, _OBJECT), "metadata": named} if named else None


def _texts(tree: dict[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    return {key: tree[key] for key in keys if isinstance(tree.get(key), str)}
