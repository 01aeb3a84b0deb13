"""What to put for what was read: decided here, without waiting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from bridge.cluster import Bookmark, Change, Gap, Item, Learned, Note, Resource, Synced
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.convert import Origin, convert, gap_event
from bridge.events.encode import encode
from bridge.filters.routes import Router
from bridge.ingest.memory import EPOCH, NOTE, write_epoch, write_note
from bridge.logs import get_logger
from bridge.queue import Entry, Scope

Profile = Literal["kubebridge", "knative"]

PROFILE: Profile = "kubebridge"
"""The profile that filters see, whatever form a sink gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of the configuration, as a reader sees it.

    Attributes:
        name: As in the configuration.
        emits_initial: Whether what is there at the very first start becomes events.
        keeps_all: Whether events that no route wants are kept too.
    """

    name: str
    emits_initial: bool = False
    keeps_all: bool = False


@dataclass(slots=True, kw_only=True)
class Plan:
    """One put, and what to count once it is done.

    Attributes:
        entries: What to store.
        since: The cursor before it; None: none yet.
        to: The cursor after it; None: still none.
        synced: Whether the snapshot is complete with it.
        received: Changes it stands for.
        filtered: Of these, wanted by no route.
        unconverted: Of these, kept as dead letters.
        gaps: Gaps that it announces.
    """

    entries: list[Entry] = field(default_factory=list)
    since: str | None = None
    to: str | None = None
    synced: bool = False
    received: int = 0
    filtered: int = 0
    unconverted: int = 0
    gaps: list[Gap] = field(default_factory=list)


class Planner:
    """Turns what one reader read into puts; remembers only where it stands."""

    def __init__(
        self,
        *,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        router: Router,
        profiles: Mapping[str, Profile],
        origins: Mapping[Profile, Origin],
        epoch: int,
        cursor: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start at a stored cursor.

        Args:
            resource: What is read.
            scope: Where its cursor is kept.
            sources: The sources that this reader reads for.
            router: Chooses the sinks.
            profiles: The profile of each sink.
            origins: Where the events come from, for each profile.
            epoch: The stored one.
            cursor: The stored cursor; None: this is the very first snapshot.
            now: The time.
        """
        self._resource = resource
        self._scope = scope
        self._sources = tuple(source.name for source in sources)
        self._initial_sources = tuple(
            source.name for source in sources if source.emits_initial
        )
        self._keeps_all = any(source.keeps_all for source in sources)
        self._router = router
        self._profiles = profiles
        self._forms = sorted({PROFILE, *profiles.values()})
        self._origins = dict(origins)
        self._epoch = self._stored_epoch = epoch
        self._enter_epoch(epoch)
        self._cursor = cursor
        self._gaps: list[Gap] = []
        self._now = now

    @property
    def most_entries_per_item(self) -> int:
        """How many entries one item can become."""
        return len(self._forms) + 1

    def plan(self, items: Sequence[Item]) -> Plan:
        """Return the one put for `items`, in their order."""
        plan = Plan(since=self._cursor, to=self._cursor)
        recorded = self._now().isoformat().replace("+00:00", "Z")
        for item in items:
            match item:
                case Change():
                    self._add_change(plan, item, recorded)
                case Learned():
                    pass
                case Bookmark(resource_version=version):
                    plan.to = version
                case Note():
                    plan.entries.append(_memory(NOTE, write_note(item)))
                case Gap():
                    self._open_gap(item)
                case Synced(resource_version=version):
                    plan.to = version
                    plan.synced = True
                    self._close_gaps(plan, recorded)
                case _:
                    assert_never(item)
        self._cursor = plan.to
        return plan

    def _add_change(self, plan: Plan, change: Change, recorded: str) -> None:
        plan.received += 1
        if not change.listed:
            plan.to = change.resource_version
        if change.change == "deleted" and self._resource.kind == "Event":
            return  # its time to live is over: nothing happened [informer D1]
        try:
            plan.entries.extend(self._entries(plan, change, recorded))
        except (ConversionError, InvalidEventError) as error:
            self._reject(plan, change, str(error))
        except Exception as error:  # noqa: BLE001  # one of two places (style 4)
            get_logger().exception("An object broke the conversion.")
            self._reject(plan, change, repr(error))

    def _entries(self, plan: Plan, change: Change, recorded: str) -> Iterator[Entry]:
        event = convert(change, origin=self._origins[PROFILE], recorded=recorded)
        first = self._cursor is None and change.listed
        sources = self._initial_sources if first else self._sources
        sinks = self._router.sinks_for(event, sources=sources)
        if not sinks:
            plan.filtered += 1
            if self._keeps_all:
                yield Entry(event=event, encoded=encode(event))
            return
        for profile, takers in self._by_profile(sinks):
            form = event
            if profile != PROFILE:
                origin = self._origins[profile]
                form = convert(change, origin=origin, recorded=recorded)
            yield Entry(event=form, encoded=encode(form), sinks=takers)

    def _by_profile(
        self, sinks: tuple[str, ...]
    ) -> Iterator[tuple[Profile, tuple[str, ...]]]:
        if len(self._forms) == 1:
            yield PROFILE, sinks
            return
        for profile in self._forms:
            takers = tuple(s for s in sinks if self._profiles[s] == profile)
            if takers:
                yield profile, takers

    def _reject(self, plan: Plan, change: Change, error: str) -> None:
        plan.unconverted += 1
        raw = EncodedEvent(
            id=f"unknown-{change.resource_version}",
            body=change.object,
            data_offset=0,
        )
        plan.entries.append(Entry(event=None, encoded=raw, error=error))

    def _open_gap(self, gap: Gap) -> None:
        """From here on versions may be used again, so ids need another epoch."""
        self._gaps.append(gap)
        if gap.cause == "rolled-back":
            self._enter_epoch(self._epoch + 1)

    def _enter_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        for profile, origin in self._origins.items():
            self._origins[profile] = replace(origin, epoch=epoch)

    def _close_gaps(self, plan: Plan, recorded: str) -> None:
        for gap in self._gaps:
            event = self._gap_event(gap, recorded)
            sinks = self._router.sinks_of_sources(self._sources)
            plan.entries.append(Entry(event=event, encoded=encode(event), sinks=sinks))
        plan.gaps, self._gaps = self._gaps, []
        if self._epoch != self._stored_epoch:
            self._stored_epoch = self._epoch
            plan.entries.append(_memory(EPOCH, write_epoch(self._stored_epoch)))

    def _gap_event(self, gap: Gap, recorded: str) -> CloudEvent:
        return gap_event(
            gap,
            resource=self._resource,
            namespace=self._scope.namespace,
            field_selector=self._scope.field_selector,
            label_selector=self._scope.label_selector,
            origin=self._origins[PROFILE],
            recorded=recorded,
        )


def _memory(key: str, value: bytes) -> Entry:
    return Entry(event=None, encoded=None, remember=(key, value))
