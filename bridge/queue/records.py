"""Define the records that a queue takes and gives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from bridge.events import CloudEvent, EncodedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The key of a cursor. Names in the configuration are never part of it.

    Attributes:
        cluster: uid of the cluster (that of namespace kube-system).
        resource: Plural and group without version, e.g. ``events``.
        namespace: Namespace; ``*``: all.
        field_selector: As sent to the API server; empty: none.
        label_selector: As sent to the API server; empty: none.
    """

    cluster: str
    resource: str
    namespace: str = "*"
    field_selector: str = ""
    label_selector: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on its way into the queue, or one thing to remember, or both.

    Attributes:
        event: The event; None for what could not be converted and for what is only
            to be remembered.
        encoded: Its bytes; for what could not be converted the raw object under the
            best id known; None when there is only something to remember.
        sinks: Names of the sinks that want it; empty: kept or rejected only.
        routes: Names of the routes that chose them.
        remember: Key and value of what the reader knows in this scope from this
            entry on; value None forgets the key; None: nothing. It takes room like an
            event, but not under keys that begin with ``@``: these are the reader's
            own, few, and replaced again and again.
        error: Why it could not be converted: the entry becomes a dead letter of no
            sink. None: it could.
    """

    event: CloudEvent | None
    encoded: EncodedEvent | None
    sinks: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    remember: tuple[str, bytes | None] | None = None
    error: str | None = None


class Lease(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The right to deliver one event to one sink.

    Attributes:
        handle: The store's own name for it, meaningless elsewhere.
        sink: Name of the sink.
        event: What to deliver.
        attempt: Number of the attempt that this lease is for, from 1.
        age_seconds: Time since the first attempt in which the sink could be tried
            (not gated, process up); 0 at the first.
        stored: When the event entered the queue, Unix seconds.
        kept: Handle by which the event itself is found, as that of `Kept`.
    """

    handle: object
    sink: str
    event: EncodedEvent
    attempt: int
    age_seconds: float
    stored: float
    kept: str = ""


class Delivered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The sink answered 2xx."""

    lease: Lease


class Retry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The attempt failed; the next may start `due`, Unix seconds."""

    lease: Lease
    due: float


class Released(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """There was no attempt, or it does not count: due at once, same attempt number."""

    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """An event on its way to another sink: its name, and the bytes to store there."""

    sink: str
    event: EncodedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """Delivery is given up.

    Attributes:
        lease: Which one.
        reason: A sentence for people.
        status: Last HTTP status; None: there was no answer.
        excerpt: First 4 kB of the last answer.
        forward: The dead letter goes to another sink instead: in the same commit that
            ends this delivery, this event begins to wait there, and no dead letter
            stays. It is taken however many wait there. None, or a sink that is not
            open: the dead letter stays here.
    """

    lease: Lease
    reason: str
    status: int | None = None
    excerpt: bytes = b""
    forward: Forward | None = None


Outcome = Delivered | Retry | Released | Dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The number of deliveries of a sink in each state.

    Attributes:
        waiting: Deliveries not ended, leased and delayed ones included.
        leased: Of these, handed out.
        delayed: Of these, not due yet.
        dead: Dead letters.
        oldest: When the oldest waiting event entered the queue; None: none waits.
    """

    waiting: int
    leased: int
    delayed: int
    dead: int
    oldest: datetime | None


GateKind = Literal["resting", "paused", "circuit-open", "stopped"]
"""Who closed a gate: the sink asked for a rest; its operator has to mend something;
its breaker; ours, by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Why nothing is leased for a sink.

    Attributes:
        until: Unix seconds; None: until somebody opens it.
        kind: Who closed it.
        reason: A sentence for people.
        count: How often it was closed running, without a success between.
    """

    until: float | None
    kind: GateKind
    reason: str
    count: int = 0


Extent = Literal["handle", "head", "whole"]
"""What is read of a stored event: nothing but its id; what precedes its data, enough
for its attributes; or all of it. An event can have 1.5 MB, and a page 500 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event that is still stored.

    Attributes:
        handle: Name for `Queue.enqueue`, a short text; also the place to page from.
        event: Its id, and of its bytes what was asked for.
        stored: When it entered the queue.
        waiting: Names of the sinks for which it still waits.
        routes: Names of the routes that chose its sinks; empty: not known, or none.
        size_bytes: Length of the whole event.
    """

    handle: str
    event: EncodedEvent
    stored: datetime
    waiting: tuple[str, ...]
    routes: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A delivery that has not ended, leased or not.

    Attributes:
        handle: That of its event, as of `Kept`; with the sink the place to page from.
        sink: Name of the sink.
        event: As of `Kept`.
        stored: When it entered the queue.
        routes: As of `Kept`.
        attempts: How many were made and failed.
        due: When it may be tried again; None: it was not told to wait.
    """

    handle: str
    sink: str
    event: EncodedEvent
    stored: datetime
    routes: tuple[str, ...]
    attempts: int
    due: datetime | None

    @property
    def place(self) -> str:
        """The place to page from, among those of one sink and of all."""
        return f"{self.sink}/{self.handle}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that was given up, or an object that could not be converted.

    Attributes:
        handle: Name for `Queue.enqueue` and `Queue.purge`, a short text; also the
            place to page from.
        sink: Name of the sink; None: the object could not be converted.
        event: As of `Kept`; for what could not be converted the raw object, which has
            no head.
        reason: A sentence for people.
        status: Last HTTP status; None: there was no answer.
        excerpt: First 4 kB of the last answer; empty unless all of it was asked for.
        attempts: How many attempts were made.
        stored: When the event entered the queue.
        died: When the delivery was given up.
        kept: Handle of its event, as of `Kept`.
        routes: As of `Kept`.
        is_event: Whether `event` is one: not what could not be converted, nor what
            was damaged in the file. It can be decoded and delivered anew.
    """

    handle: str
    sink: str | None
    event: EncodedEvent
    reason: str
    status: int | None
    excerpt: bytes
    attempts: int
    stored: datetime
    died: datetime
    kept: str = ""
    routes: tuple[str, ...] = ()
    is_event: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCursor:
    """The cursor of a reader: scope, resourceVersion, and when it last moved."""

    scope: Scope
    resource_version: str
    moved: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The used and the most bytes of the store.

    Attributes:
        used_bytes: What rows take.
        max_bytes: What they may take before `put` refuses.
        full: Why `put` refuses; None: it does not.
    """

    used_bytes: int
    max_bytes: int
    full: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How deliveries to one sink began and ended since the file was opened.

    *begun + routed + enqueued = delivered + dead + purged + waiting*, after every
    commit, and all of it as of one commit.

    A dead letter that goes to another sink (`Dead.forward`) is `dead` in the books of
    the sink that it leaves, and `routed` in those of the sink that it goes to.

    Attributes:
        begun: Waited when the file was opened.
        routed: Put for it, or forwarded to it.
        enqueued: Delivered anew by an operator's word.
        delivered: Answered 2xx.
        dead: Given up: became dead letters, also those that a full backlog pushed out,
            or were forwarded to another sink.
        purged: Ended by an operator's word.
        waiting: Not ended, leased and delayed ones included.
        letters: Dead letters that are kept.
    """

    begun: int = 0
    routed: int = 0
    enqueued: int = 0
    delivered: int = 0
    dead: int = 0
    purged: int = 0
    waiting: int = 0
    letters: int = 0
