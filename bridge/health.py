"""Keep the status of each part, and answer the probes from it.

Each reader (one for each scope) writes its own status by its telemetry; the supervisor
of readers writes that of sources that are not read, and that the API server is silent;
sinks write their own. `api` only reads. A sink never makes the process unready: it is
the business of the queue to wait for it.
"""

import asyncio
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

BEAT_SECONDS: Final = 5.0
"""How often the loop shows that it turns; probes allow 30 s."""

ReaderState = Literal[
    "starting",
    "absent",
    "syncing",
    "watching",
    "silent",
    "blocked",
    "waiting",
    "failed",
]
SinkState = Literal["active", "resting", "paused", "circuit-open", "stopped"]


@dataclass(slots=True, kw_only=True)
class ReaderStatus:
    """Where the reader of one scope stands.

    Attributes:
        sources: Names of the sources it reads for.
        resource: What it watches, e.g. ``events``; before the API server was found to
            serve it, what the configuration calls it.
        namespace: Where; ``*``: everywhere.
        field_selector: As sent to the API server; empty: none.
        label_selector: As sent to the API server; empty: none.
        state: ``absent``: the API server does not serve it (yet); ``silent``: it was
            watched, and the API server says nothing any more; ``blocked``: the queue
            is full; ``waiting``: between two tries; ``failed``: refused, see `error`.
        started: Whether it ever got as far as watching since the process started.
        resource_version: The stored cursor; None: never read.
        error: Last failure, empty once it is over.
        last_progress: When the cursor last moved.
        last_read: When the API server last said something; None: never.
        read_version: Newest version that was read; None: none, ever.
        held: Changes that wait for what is to be known of their object.
        snapshot_changes: What the last snapshot brought, news or only worth
            remembering; None: there was none since the process started.
        snapshot_seconds: How long it took to read, from the first that it brought.
        full: Why the queue takes nothing of it; empty: it takes.
        full_sink: Whose backlog is full; empty: the file is.
        objects: How many objects are known; None: they are not counted.
        gaps: How many gaps were announced since the process started.
        stores: What is known of objects, by resource, as `bridge.cluster.store.Store`:
            those that it reads, and those that its Events are looked up in.
        is_optional: Whether it may be absent or refused without harm.
    """

    sources: tuple[str, ...]
    resource: str
    namespace: str
    field_selector: str = ""
    label_selector: str = ""
    state: ReaderState = "starting"
    started: bool = False
    resource_version: str | None = None
    error: str = ""
    last_progress: datetime | None = None
    last_read: datetime | None = None
    read_version: str | None = None
    held: int = 0
    snapshot_changes: int | None = None
    snapshot_seconds: float = 0.0
    full: str = ""
    full_sink: str = ""
    objects: int | None = None
    gaps: int = 0
    stores: MutableMapping[str, object] = field(default_factory=dict)
    is_optional: bool = False

    @property
    def is_excused(self) -> bool:
        """Whether it is not read, and need not be."""
        return self.is_optional and self.state in {"absent", "failed"}


@dataclass(slots=True, kw_only=True)
class SinkStatus:
    """How deliveries to one sink go.

    Attributes:
        name: As in the configuration.
        state: ``active``: it gets events; ``resting``: it asked for a rest;
            ``paused``: somebody has to mend something; ``circuit-open``: its breaker
            is open; ``stopped``: by an operator.
        reason: Why it is not active; empty: it is.
        until: From when on it is tried again, with the next event; None: it is
            active, or stopped.
        last_error: Text of the last failed attempt; empty: none yet.
        last_error_at: When that was.
        last_success_at: When an event was last taken.
        in_flight: Attempts under way.
    """

    name: str
    state: SinkState = "active"
    reason: str = ""
    until: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    last_success_at: datetime | None = None
    in_flight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A line of a probe's verbose answer."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Health:
    """The process as its parts describe it.

    Attributes:
        readers: One for each scope that is read, and for what is not served.
        sinks: By name, configured ones only.
        last_beat: When the event loop last turned, on the monotonic clock.
        stopping: Set once the process was told to stop.
    """

    readers: list[ReaderStatus] = field(default_factory=list)
    sinks: dict[str, SinkStatus] = field(default_factory=dict)
    last_beat: float = field(default_factory=time.monotonic)
    stopping: bool = False

    @property
    def full(self) -> str:
        """Why the queue takes nothing of a reader; empty: it takes everything."""
        return next((one.full for one in self.readers if one.full), "")

    async def beat(self) -> None:
        """Show that the loop turns, until cancelled."""
        while True:
            self.last_beat = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def live(self, *, limit_seconds: float = 30.0) -> Sequence[Check]:
        """Return whether the loop turns: never whether others answer."""
        age = time.monotonic() - self.last_beat
        return [
            Check(
                name="loop",
                passed=age < limit_seconds,
                detail=f"last turn {age:.1f} s ago",
            )
        ]

    def started(self) -> Sequence[Check]:
        """Return whether each reader has got as far as watching once."""
        return [
            Check(
                name=_reader_name(one),
                passed=one.started or one.is_excused,
                detail=one.error,
            )
            for one in self.readers
        ]

    def ready(self) -> Sequence[Check]:
        """Return whether changes are read and taken into the queue."""
        return [
            Check(
                name="stopping",
                passed=not self.stopping,
                detail="told to stop" if self.stopping else "",
            ),
            Check(name="queue", passed=not self.full, detail=self.full),
            *(
                Check(
                    name=_reader_name(one),
                    passed=one.state == "watching" or one.is_excused,
                    detail=one.error or one.state,
                )
                for one in self.readers
            ),
        ]


def _reader_name(reader: ReaderStatus) -> str:
    return f"reader {','.join(reader.sources)} {reader.resource} in {reader.namespace}"
