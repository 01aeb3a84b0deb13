"""Group commit: the jobs that wait share one transaction, and each fails alone.

When the volume is full::

    upkeep is left, ──▶ the rest ──▶ the reserve is ──▶ the rest
    puts go alone,       again         given up          again
    until one fails                                        │
          nothing is leased until an outcome is recorded ◀─┘ still full
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

import apsw

from bridge.errors import (
    OutcomeNotRecordedError,
    QueueCorruptError,
    QueueFullError,
)
from bridge.queue.sqlite import upkeep
from bridge.queue.sqlite.connection import BAD_ROW, as_ours, is_full
from bridge.queue.sqlite.store import SqliteStore

Kind = Literal["put", "outcome", "upkeep", "order"]
_ASKED_FOR = ("outcome", "order")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteJob:
    """Something that is done to the file as a whole or not at all.

    Attributes:
        work: Does it; its result is the job's. That of an outcome: whether it wrote.
        kind: An ``outcome`` stops the leases if it cannot be written down; ``upkeep``
            may be left undone; an ``order`` is an operator's.
        linger_seconds: How long it may wait for other jobs to join it.
        prepare: Done before, and stays done if `work` fails; may refuse the job.
        rows: About how many rows it writes.
    """

    work: Callable[[], Any]
    kind: Kind
    linger_seconds: float = 0.0
    prepare: Callable[[], None] | None = None
    rows: int = 1


Answer = Any | Exception
"""What a job gave, or why it failed."""


def run(store: SqliteStore, jobs: Sequence[WriteJob]) -> list[Answer]:
    """Run jobs in one transaction, those that make room first; answer in their order.

    Raises:
        apsw.Error: The file cannot be used any more.
    """
    order = sorted(range(len(jobs)), key=lambda index: jobs[index].kind == "put")
    answers: list[Answer] = [None] * len(jobs)
    answered = _commit(store, [jobs[index] for index in order])
    for index, answer in zip(order, answered, strict=True):
        answers[index] = answer
    return answers


def _commit(
    store: SqliteStore, jobs: Sequence[WriteJob], *, tidy: bool = True
) -> list[Answer]:
    try:
        answers = _transact(store, jobs, tidy=tidy)
    except apsw.Error as error:
        if not is_full(error, store.connection):
            raise
        return _commit_on_full_volume(store, jobs)
    if any(
        job.kind == "outcome" and answer is True
        for job, answer in zip(jobs, answers, strict=True)
    ):
        store.is_stalled = False
    return answers


def _commit_on_full_volume(
    store: SqliteStore, jobs: Sequence[WriteJob]
) -> list[Answer]:
    rest = [job for job in jobs if job.kind in _ASKED_FOR]
    if len(rest) < len(jobs):
        others = iter(_commit(store, rest, tidy=False) if rest else ())
        is_alone = len(jobs) == 1
        return [
            next(others) if job.kind in _ASKED_FOR else _left(store, job, is_alone)
            for job in jobs
        ]
    if store.capacity.reserve.release():
        return _commit(store, jobs, tidy=False)
    return [_refused(store, job) for job in jobs]


def _left(store: SqliteStore, job: WriteJob, is_alone: bool) -> Answer:
    """Try a put alone: many of them in one transaction may be too much for a volume."""
    if job.kind == "put" and not is_alone and not store.capacity.volume_is_full:
        return _commit(store, [job], tidy=False)[0]
    return _refused(store, job)


def _refused(store: SqliteStore, job: WriteJob) -> Answer:
    match job.kind:
        case "put":
            return store.capacity.refuse_by_volume()
        case "upkeep":
            return None
        case "outcome":
            store.is_stalled = True
            path = store.settings.path
            return OutcomeNotRecordedError(f"queue {path}: its volume is full")
        case "order":
            path = store.settings.path
            return QueueFullError(f"queue {path}: its volume is full")
        case _:
            assert_never(job.kind)


def _transact(
    store: SqliteStore, jobs: Sequence[WriteJob], *, tidy: bool
) -> list[Answer]:
    """Run the jobs without savepoints, which cost more than small jobs do.

    If one fails all are undone, and run again with savepoints: the others succeed.
    """
    try:
        return _transact_by(store, jobs, _work, tidy=tidy)
    except QueueCorruptError:
        raise
    except BAD_ROW:
        return _transact_by(store, jobs, _work_alone, tidy=tidy)


def _transact_by(
    store: SqliteStore,
    jobs: Sequence[WriteJob],
    work: Callable[[SqliteStore, WriteJob], Answer],
    *,
    tidy: bool,
) -> list[Answer]:
    with store.transaction():
        changes = store.connection.total_changes()
        answers = [work(store, job) for job in jobs]
        if tidy:
            upkeep.tidy(store)
        if store.connection.total_changes() != changes:
            store.save_sinks()
    return answers


def _work(_: SqliteStore, job: WriteJob) -> Answer:
    if job.prepare is not None:
        job.prepare()
    return job.work()


def _work_alone(store: SqliteStore, job: WriteJob) -> Answer:
    try:
        if job.prepare is not None:
            job.prepare()
        with store.job():
            return job.work()
    except QueueCorruptError:
        raise
    except BAD_ROW as error:
        return as_ours(error)
