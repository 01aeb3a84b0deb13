"""Noise control of all routes, for the events of one scope."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from bridge.events import CloudEvent
from bridge.filters.noise.digest import Digest
from bridge.filters.noise.stages import LeastCount, NoiseStage, WindowLimit
from bridge.filters.settings import RouteConfig

FARTHEST_AHEAD = 60.0
"""How many seconds the time of an event may be later than its reading; later ones are
wrong clocks, and the time of reading counts."""

_DIGEST = "/digest"
"""Ends the key of the memo of a route's digest."""

_encode = msgspec.json.Encoder().encode
_decode_digest = msgspec.json.Decoder(Digest).decode

Memo = tuple[str, bytes | None]
"""A key and its value; None: it is forgotten."""


class NoiseControl:
    """Decides along which routes an event goes on, and counts what is held back.

    Its state changes with each decision. What changed is given out by `take_memos`, and
    has to be stored with the cursor behind the events that were decided about.
    """

    def __init__(
        self, routes: Iterable[RouteConfig], memos: Mapping[str, bytes]
    ) -> None:
        """Begin where the memos ended.

        Args:
            routes: The routes that the events may take.
            memos: What is remembered of the scope, by key; memos of stages that are
                not configured any more are forgotten with the next ones.
        """
        left = dict(memos)
        self._digest_seconds: dict[str, float] = {}
        self._digests: dict[str, Digest] = {}
        self._changed_digests: dict[str, None] = {}
        self._limits: list[tuple[str, WindowLimit]] = []
        self._stages: dict[str, tuple[NoiseStage, ...]] = {}
        for route in routes:
            stages = tuple(self._build(route, left))
            if stages:
                self._stages[route.name] = stages
            if route.digest is not None:
                self._digest_seconds[route.name] = route.digest
                if (memo := left.pop(route.name + _DIGEST, None)) is not None:
                    self._digests[route.name] = _decode_digest(memo)
        self._orphans: list[Memo] = [(key, None) for key in left]
        self._held_back: Counter[tuple[str, str]] = Counter()
        self.held_back = 0
        """How many were held back so far, on all routes."""

    @property
    def is_needed(self) -> bool:
        """Whether any route holds back anything."""
        return bool(self._stages)

    @property
    def has_digests(self) -> bool:
        """Whether `take_digests` ever has any."""
        return bool(self._digest_seconds)

    @property
    def most_memos_per_event(self) -> int:
        """The most memos of one event, on average: a window begins, one is over."""
        return 2 * len(self._limits)

    def __call__(
        self, event: CloudEvent, routes: tuple[str, ...], /
    ) -> tuple[str, ...]:
        """Return along which of `routes` an event goes on; never raise."""
        if self._stages.keys().isdisjoint(routes):
            return routes
        at = time_of(event)
        return tuple([name for name in routes if self._passes(name, event, at)])

    def take_digests(self, now: float) -> Mapping[str, Digest]:
        """Return the digests that are due, by route; they begin again.

        Args:
            now: Unix seconds.
        """
        due = {
            route: digest
            for route, digest in self._digests.items()
            if digest.since + self._digest_seconds[route] <= now
        }
        for route in due:
            del self._digests[route]
            self._changed_digests[route] = None
        return due

    def take_held_back(self) -> Mapping[tuple[str, str], int]:
        """Return how many were held back since the last call, by route and stage."""
        held_back, self._held_back = self._held_back, Counter()
        return held_back

    def take_memos(self) -> list[Memo]:
        """Return what changed since the last call."""
        memos, self._orphans = self._orphans, []
        for prefix, limit in self._limits:
            memos += [(prefix + key, value) for key, value in limit.take_memos()]
        changed, self._changed_digests = self._changed_digests, {}
        for route in changed:
            digest = self._digests.get(route)
            memos.append((route + _DIGEST, None if digest is None else _encode(digest)))
        return memos

    def _build(
        self, route: RouteConfig, left: dict[str, bytes]
    ) -> Iterator[NoiseStage]:
        if route.min_count is not None:
            yield LeastCount(route.min_count)
        for settings in (route.dedup, route.throttle):
            if settings is not None:
                name = "dedup" if settings is route.dedup else "throttle"
                prefix = f"{route.name}/{name}/"
                limit = WindowLimit(settings, _taken(left, prefix))
                self._limits.append((prefix, limit))
                yield limit

    def _passes(self, route: str, event: CloudEvent, at: float) -> bool:
        for stage in self._stages.get(route, ()):
            if not stage.passes(event, at):
                self._held_back[route, stage.name] += 1
                self.held_back += 1
                if stage.is_told and route in self._digest_seconds:
                    self._digest(route, event, stage.name, at)
                return False
        return True

    def _digest(self, route: str, event: CloudEvent, stage: str, at: float) -> None:
        digest = self._digests.get(route)
        if digest is None:
            read = _seconds(event.extensions.get("recordedtime")) or at
            digest = self._digests[route] = Digest(read, at, at, {}, [])
        digest.add(event, stage, at)
        self._changed_digests[route] = None


def _taken(left: dict[str, bytes], prefix: str) -> dict[str, bytes]:
    """Take the memos whose keys begin with a prefix; return them without it."""
    keys = [key for key in left if key.startswith(prefix)]
    return {key.removeprefix(prefix): left.pop(key) for key in keys}


def time_of(event: CloudEvent) -> float:
    """Return the time of an event, Unix seconds; 0: it has none.

    It is that of its occurrence, else, or if that is far ahead, that of its reading.
    """
    recorded = event.extensions.get("recordedtime")
    own = _seconds(event.time)
    if not isinstance(recorded, str):
        return own or 0.0
    if own is not None and str(event.time) <= recorded:  # nearly always: both in UTC
        return own
    read = _seconds(recorded) or 0.0
    return read if own is None or own > read + FARTHEST_AHEAD else own


def _seconds(time: object) -> float | None:
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return None  # a leap second, which RFC 3339 allows
