"""The stages of noise control: a least count, and a limit for each key and window."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2s
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

import msgspec

from bridge.errors import TemplateError
from bridge.events import CloudEvent
from bridge.filters.expressions import event_context, failures
from bridge.filters.noise.settings import DedupConfig, ThrottleConfig
from bridge.filters.reading import is_place, payloads, text_reader
from bridge.templates import Expression

MOST_KEYS: Final = 10_000
"""Most windows that a stage remembers; with more, the oldest window is forgotten, so
that the next event of its key goes through."""

_MOST_FORGOTTEN: Final = 2
"""Most windows that are looked at, for each event, whether they are over: more than can
begin, so that none stays."""

ReadKey = Callable[[CloudEvent], str | None]
"""Returns the key of an event, 24 digits; None: it cannot be computed."""

_encode = msgspec.json.Encoder().encode


class Window(NamedTuple):
    """A window of one key: when it began, Unix seconds, and how many went through."""

    began: float
    passed: int


_decode_window = msgspec.json.Decoder(Window).decode


class NoiseStage(Protocol):
    """Decides for one route.

    Attributes:
        name: Under which the events are counted that it holds back.
        is_told: Whether a digest tells of these.
    """

    name: str
    is_told: bool

    def passes(self, event: CloudEvent, at: float) -> bool:
        """Return whether an event goes on; never raise.

        Args:
            event: One that the route wants.
            at: Its time, Unix seconds.
        """
        ...


class LeastCount:
    """Lets Kubernetes Events through that were counted often enough."""

    name = "minCount"
    is_told = False

    def __init__(self, least: int) -> None:
        """Let those through whose attribute `count` is at least `least`."""
        self._least = least

    def passes(self, event: CloudEvent, _at: float) -> bool:
        """See `NoiseStage`; an event without a count goes through."""
        count = event.extensions.get("count")
        return not isinstance(count, int) or count >= self._least


class WindowLimit:
    """Lets so many events of each key through in a window: deduplication, throttling.

    A window begins with an event that goes through and has no window, and has a fixed
    length. All times are those of the events, so that a replay decides the same.
    """

    is_told = True

    def __init__(
        self,
        settings: DedupConfig | ThrottleConfig,
        memos: Mapping[str, bytes],
    ) -> None:
        """Begin where the memos ended.

        Args:
            settings: The key, the length of a window, and how many go through.
            memos: What `take_memos` gave out and is still remembered.
        """
        is_throttle = isinstance(settings, ThrottleConfig)
        self.name = "throttle" if is_throttle else "dedup"
        self._most = settings.count if isinstance(settings, ThrottleConfig) else 1
        self._seconds = settings.window
        self._read_key = compile_key(settings.key)
        known = [(key, _decode_window(value)) for key, value in memos.items()]
        self._windows = OrderedDict(sorted(known, key=itemgetter(1)))
        self._changed: dict[str, None] = {}

    def passes(self, event: CloudEvent, at: float) -> bool:
        """See `NoiseStage`; an event whose key cannot be computed goes through."""
        key = self._read_key(event)
        if key is None:
            return True
        windows = self._windows
        window = windows.get(key)
        if window is not None and abs(at - window.began) < self._seconds:
            if window.passed >= self._most:
                return False
            windows[key] = Window(window.began, window.passed + 1)
        else:
            self._forget_ended(at)
            windows[key] = Window(at, 1)
            windows.move_to_end(key)
        self._changed[key] = None
        return True

    def take_memos(self) -> Iterable[tuple[str, bytes | None]]:
        """Return the windows that changed since the last call; None: one is over."""
        changed, self._changed = self._changed, {}
        for key in changed:
            window = self._windows.get(key)
            yield key, None if window is None else _encode(window)

    def _forget_ended(self, at: float) -> None:
        windows = self._windows
        for key in list(islice(windows, _MOST_FORGOTTEN)):
            if windows[key].began + self._seconds > at and len(windows) < MOST_KEYS:
                break
            del windows[key]
            self._changed[key] = None


def compile_key(key: tuple[str, ...] | str | None) -> ReadKey:
    """Return what reads a key, see `bridge.filters.noise.settings.Key`."""
    if key is None:
        return _object_and_reason
    return _expression(key) if isinstance(key, str) else _attributes(key)


def _object_and_reason(event: CloudEvent) -> str:
    found = event.extensions.get
    return _digest([event.source, found("uid") or event.subject, found("reason")])


def _attributes(names: tuple[str, ...]) -> ReadKey:
    readers = [text_reader(name, ()) for name in names]
    opens_data = any(map(is_place, names))

    def read(event: CloudEvent) -> str:
        key = _digest([one(event) for one in readers])
        if opens_data:
            payloads.forget()
        return key

    return read


def _expression(text: str) -> ReadKey:
    expression = Expression(text)

    def read(event: CloudEvent) -> str | None:
        try:
            return _digest(expression.evaluate(event_context(event)))
        except (TemplateError, TypeError, ValueError) as error:
            failures.add(text, str(error))
            return None

    return read


def _digest(value: object) -> str:
    return blake2s(_encode(value), digest_size=12).hexdigest()
