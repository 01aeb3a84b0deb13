"""The bridge from the event loop to the one thread that writes.

All grouping happens here, on the loop, without a lock: while the thread is busy, jobs
wait in a list; when it is done, all of them go over together. One hop there and one
back for each transaction, whatever it holds::

    loop    submit, submit, submit ─┐            ┌─ answers, leases
    thread                          └─── pass ───┘
    loop                    submit, submit, … ───┴─ next pass

A pass is one transaction, then leases for everybody who waits for some: what was just
put is handed out by the same pass, but never before its commit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.errors import QueueError
from bridge.logs import get_logger
from bridge.queue import Lease, Released
from bridge.queue.sqlite.clock import SECOND
from bridge.queue.sqlite.commit import Answer, WriteJob, run
from bridge.queue.sqlite.connection import translated
from bridge.queue.sqlite.lease import lease
from bridge.queue.sqlite.settle import condemn, settle
from bridge.queue.sqlite.sink_state import SinkBacklog
from bridge.queue.sqlite.store import SqliteStore
from bridge.queue.sqlite.upkeep import keep_up
from bridge.queue.sqlite.write_thread import WriteThread


class Timers:
    """Callbacks of the loop by name, each pending at most once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have none."""
        self._loop = loop
        self._handles: dict[str, tuple[float, asyncio.Handle]] = {}

    def set(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once after `seconds`; of two of one name the earlier one counts."""
        when = self._loop.time() + seconds
        pending = self._handles.get(name)
        if pending is not None:
            if pending[0] <= when:
                return
            pending[1].cancel()
        handle = self._loop.call_later(seconds, self._fire, name, callback)
        self._handles[name] = when, handle  # uvloop's handles do not say when

    def cancel(self, name: str) -> None:
        """Do not call back."""
        pending = self._handles.pop(name, None)
        if pending is not None:
            pending[1].cancel()

    def cancel_all(self) -> None:
        """Call nobody back any more."""
        for name in list(self._handles):
            self.cancel(name)

    def _fire(self, name: str, callback: Callable[[], None]) -> None:
        del self._handles[name]
        callback()


_log = get_logger()

GROUP_ROWS = 500
TICK_SECONDS = 1.0
"""Between two looks at clocks, leases and room while something may depend on them."""

IDLE_TICK_SECONDS = 5.0
"""Between two such looks while nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """Somebody waits for up to `limit` leases."""

    backlog: SinkBacklog
    limit: int


Submitted = tuple[WriteJob, asyncio.Future[Any]]
Wishing = asyncio.Future[Sequence[Lease]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """The result of a pass: answers to jobs, leases, and when to look again.

    `wakes_after` is in seconds; None: only a job can bring a lease.
    """

    answers: Sequence[Answer]
    leases: Sequence[Sequence[Lease]]
    wakes_after: float | None


def run_pass(
    store: SqliteStore, jobs: Sequence[WriteJob], wishes: Sequence[LeaseRequest]
) -> PassResult:
    """Run on the writer's thread.

    Raises:
        QueueError: The file cannot be used any more.
    """
    with translated(str(store.settings.path)):
        answers = run(store, jobs) if jobs else []
        store.capacity.cut_files()
        leases = [lease(store, wish.backlog, wish.limit) for wish in wishes]
        if store.condemned:
            _condemn(store)
        waiting = [wish for wish, one in zip(wishes, leases, strict=True) if not one]
        return PassResult(
            answers=answers, leases=leases, wakes_after=_wakes_after(store, waiting)
        )


def _condemn(store: SqliteStore) -> None:
    """Make dead letters of what was damaged; on a full volume later, once more."""
    for one in store.condemned:
        _log.error("Stored event damaged: not sent.", sink=one.sink, id=one.event.id)
    run(store, [condemn(store)])


def _wakes_after(store: SqliteStore, wishes: Sequence[LeaseRequest]) -> float | None:
    if store.is_stalled:
        return None
    wall = store.clock.wall()
    times = [wish.backlog.wakes_at(wall) for wish in wishes]
    return min(
        (max(0, time - wall) / SECOND for time in times if time is not None),
        default=None,
    )


def close(store: SqliteStore, *, is_sound: bool) -> None:
    """Leave the file, on the writer's thread; a sound one with all that is known."""
    with translated(str(store.settings.path)):
        store.close(is_sound=is_sound)


class Writer:
    """Hands jobs and requests for leases to the thread, group by group."""

    def __init__(self, *, store: SqliteStore, thread: WriteThread) -> None:
        """Begin to tick; the store was opened on `thread`."""
        self._store = store
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[Submitted] = deque()
        self._wishes: dict[Wishing, LeaseRequest] = {}
        self._is_running = False
        self._has_new_wish = False
        self._has_lingered = False
        self._fault: BaseException | None = None
        self._starting: asyncio.Handle | None = None
        self._timers = Timers(self._loop)
        self._timers.set("tick", TICK_SECONDS, self._tick)
        self._turned = asyncio.Event()

    async def do(self, job: WriteJob) -> Any:
        """Return what the job gives, once it is durable; or raise why it failed."""
        self._check()
        self._timers.set("tick", TICK_SECONDS, self._tick)
        future = self._loop.create_future()
        self._add(job, future)
        return await future

    async def lease(self, backlog: SinkBacklog, limit: int) -> Sequence[Lease]:
        """Wait until at least one delivery can be leased."""
        self._check()
        if leases := self._lease_at_once(backlog, limit):
            return leases
        future: Wishing = self._loop.create_future()
        self._wishes[future] = LeaseRequest(backlog=backlog, limit=limit)
        self._has_new_wish = True
        self._schedule()
        try:
            return await future
        except asyncio.CancelledError:
            # Cancelled between the answer and this task's turn: nobody has the leases.
            if future.done() and not future.cancelled() and not future.exception():
                self._give_back(future.result())
            raise
        finally:
            self._wishes.pop(future, None)

    def _lease_at_once(self, backlog: SinkBacklog, limit: int) -> Sequence[Lease]:
        """Lease what is in memory without a hop, while the thread rests."""
        store = self._store
        if self._is_running or store.damaged:
            return ()
        is_ahead = backlog.is_ahead(store.clock.wall())
        return lease(store, backlog, limit) if is_ahead else ()

    async def aclose(self) -> None:
        """Finish what was submitted, then leave the file."""
        self._timers.cancel("tick")
        self._has_lingered = True
        while self._fault is None and (self._is_running or self._jobs):
            self._turned.clear()
            self._schedule()
            await self._turned.wait()
        is_sound = self._fault is None
        self._fail(QueueError(f"queue {self._store.settings.path}: it is closed"), [])
        await self._thread.run(partial(close, self._store, is_sound=is_sound))

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _add(self, job: WriteJob, future: asyncio.Future[Any]) -> None:
        self._jobs.append((job, future))
        self._schedule()

    def _tick(self) -> None:
        self._timers.set("tick", IDLE_TICK_SECONDS, self._tick)
        future = self._loop.create_future()
        future.add_done_callback(self._check_upkeep)
        self._add(WriteJob(kind="upkeep", work=partial(keep_up, self._store)), future)

    def _check_upkeep(self, future: asyncio.Future[Any]) -> None:
        """A fault that nobody waits for is everybody's."""
        fault = future.exception()
        if fault is not None:
            self._fail(fault, [])
        elif future.result() is not False and self._fault is None:
            self._timers.set("tick", TICK_SECONDS, self._tick)

    def _give_back(self, leases: Sequence[Lease]) -> None:
        released = [Released(lease=one) for one in leases]
        work = partial(settle, self._store, released)
        self._add(WriteJob(kind="upkeep", work=work), self._loop.create_future())

    def _schedule(self) -> None:
        if self._is_running or self._fault is not None:
            return
        self._has_new_wish = self._has_new_wish and self._is_wish_due()
        if self._has_new_wish or self._is_group():
            self._start_soon()
        elif self._jobs:
            seconds = min(job.linger_seconds for job, _ in self._jobs)
            self._timers.set("linger", seconds, self._end_linger)

    def _start_soon(self) -> None:
        """Start a pass once this round of the loop is over: more may join it."""
        if self._starting is None:
            self._starting = self._loop.call_soon(self._start)

    def _is_wish_due(self) -> bool:
        """Whether a pass may find leases; if not, look again once a wait is over.

        Most often a sink asks for more right after it was given all there was.
        """
        wall = self._store.clock.wall()
        backlogs = [wish.backlog for wish in self._wishes.values()]
        if any(backlog.may_lease(wall) for backlog in backlogs):
            return True
        times = [one.next_due for one in backlogs if one.next_due is not None]
        if times:
            self._timers.set("wake", (min(times) - wall) / SECOND, self._wake)
        return False

    def _is_group(self) -> bool:
        """Whether the jobs go now: those that linger wait for company."""
        return bool(self._jobs) and (
            self._has_lingered
            or any(not job.linger_seconds for job, _ in self._jobs)
            or sum(job.rows for job, _ in self._jobs) >= GROUP_ROWS
        )

    def _end_linger(self) -> None:
        self._has_lingered = True
        self._schedule()

    def _wake(self) -> None:
        self._has_new_wish = True
        self._schedule()

    def _start(self) -> None:
        self._starting = None
        jobs = self._take_group() if self._is_group() else []
        wishes = dict(self._wishes)
        self._has_new_wish = False
        self._timers.cancel("wake")
        self._is_running = True
        passing = partial(
            run_pass, self._store, [job for job, _ in jobs], list(wishes.values())
        )
        self._thread.submit(passing, partial(self._finish, jobs, list(wishes)))

    def _take_group(self) -> list[Submitted]:
        group: list[Submitted] = []
        rows = 0
        while self._jobs and (not group or rows + self._jobs[0][0].rows <= GROUP_ROWS):
            group.append(self._jobs.popleft())
            rows += group[-1][0].rows
        self._has_lingered = bool(self._jobs)
        self._timers.cancel("linger")
        return group

    def _finish(
        self,
        jobs: list[Submitted],
        wishes: list[Wishing],
        passed: PassResult,
        fault: BaseException | None,
    ) -> None:
        self._is_running = False
        self._turned.set()
        if fault is not None:
            self._fail(fault, jobs)
            return
        for (_, future), answer in zip(jobs, passed.answers, strict=True):
            _resolve(future, answer)
        for waiting, leases in zip(wishes, passed.leases, strict=True):
            if leases:
                self._grant(waiting, leases)
        if passed.wakes_after is not None:
            self._timers.set("wake", passed.wakes_after, self._wake)
        self._schedule()

    def _grant(self, future: Wishing, leases: Sequence[Lease]) -> None:
        self._wishes.pop(future, None)
        if future.cancelled():
            self._give_back(leases)
        else:
            future.set_result(leases)

    def _fail(self, fault: BaseException, jobs: list[Submitted]) -> None:
        self._fault = self._fault or fault
        self._timers.cancel_all()
        if self._starting is not None:
            self._starting.cancel()
        for _, future in (*jobs, *self._jobs):
            _resolve(future, fault)
        for waiting in self._wishes:
            _resolve(waiting, fault)
        self._jobs.clear()


def _resolve(future: asyncio.Future[Any], answer: Answer) -> None:
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)
