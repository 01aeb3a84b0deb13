"""One sink's deliveries: lease, attempt, record."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import random as any_fraction

from bridge.deliver.gate import SinkGate
from bridge.deliver.policy import RetryPolicy
from bridge.deliver.recorder import Recorder
from bridge.errors import PermanentSinkError, SinkError, TemporarySinkError
from bridge.health import SinkStatus
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Dead, Delivered, Lease, Outcome, Queue, Released
from bridge.sinks import Sink

MOST_LEASED = 500
"""Most deliveries leased in one step: what one transaction groups."""


class SinkDelivery:
    """Delivers what waits for one sink, until told to stop."""

    def __init__(
        self,
        *,
        sink: Sink,
        queue: Queue,
        concurrency: int,
        policy: RetryPolicy,
        status: SinkStatus,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = any_fraction,
    ) -> None:
        """Bind the parts; nothing is leased before `run`.

        Args:
            sink: Where to.
            queue: Where from.
            concurrency: Attempts that may be under way at once.
            policy: When to try again.
            status: What the probes and the API see.
            metrics: What is counted.
            now: Unix seconds.
            random: Gives fractions in [0, 1).
        """
        self._sink = sink
        self._queue = queue
        self._concurrency = concurrency
        self._limit = min(MOST_LEASED, concurrency * sink.max_batch)
        self._policy = policy
        self._status = status
        self._now = now
        self._random = random
        self._gate = SinkGate(
            sink=sink,
            queue=queue,
            status=status,
            metrics=metrics,
            now=now,
            random=random,
        )
        self._recorder = Recorder(queue, sink=sink.name)
        self._jobs: asyncio.Queue[Sequence[Lease]] = asyncio.Queue(concurrency)
        self._log = get_logger(sink=sink.name)
        self._failures = RepeatedFailure(self._log, "Delivery failed.")
        self._attempts = metrics.attempts
        self._succeeded = metrics.attempts.labels(sink.name, "2xx")
        self._delivered = metrics.deliveries.labels(sink.name, "delivered")
        self._dead = metrics.deliveries.labels(sink.name, "dead")
        self._seconds = metrics.delivery_seconds.labels(sink.name)

    async def run(self, *, stop: asyncio.Event, grace_seconds: float) -> None:
        """Deliver until `stop` is set; then finish what is under way.

        Args:
            stop: From then on nothing more is leased.
            grace_seconds: How long attempts under way may still take.
        """
        await self._gate.restore()
        async with asyncio.TaskGroup() as recording:
            recording.create_task(self._recorder.run(), name="record")
            async with asyncio.TaskGroup() as sending:
                workers = [
                    sending.create_task(self._work(), name=f"work {number}")
                    for number in range(self._concurrency)
                ]
                async with asyncio.TaskGroup() as leasing:
                    lease = leasing.create_task(self._lease_forever(), name="lease")
                    look = leasing.create_task(
                        self._gate.watch_fingerprint(), name="look"
                    )
                    await stop.wait()
                    lease.cancel()
                    look.cancel()
                await self._drain(grace_seconds)
                for worker in workers:
                    worker.cancel()
            self._recorder.close()

    async def _drain(self, seconds: float) -> None:
        """Wait for attempts under way; what is only leased waits for the next start."""
        while not self._jobs.empty():
            self._jobs.get_nowait()
            self._jobs.task_done()
        try:
            async with asyncio.timeout(seconds):
                await self._jobs.join()
        except TimeoutError:
            self._log.warning(
                "Attempts cut by the end of the grace time.",
                in_flight=self._status.in_flight,
            )

    async def _lease_forever(self) -> None:
        while True:
            await self._recorder.wait_for_room()
            limit = 1 if self._gate.is_paused else self._limit
            leases = await self._queue.lease(self._sink.name, limit)
            if self._gate.is_paused:  # perhaps since the lease was asked for
                self._release(leases[1:])
                await self._attempt(leases[:1])
                continue
            self._gate.after_lease()
            for start in range(0, len(leases), self._sink.max_batch):
                await self._jobs.put(leases[start : start + self._sink.max_batch])

    async def _work(self) -> None:
        while True:
            leases = await self._jobs.get()
            try:
                if self._gate.is_paused:
                    self._release(leases)
                else:
                    await self._attempt(leases)
            finally:
                self._jobs.task_done()

    def _release(self, leases: Sequence[Lease]) -> None:
        self._recorder.add([Released(lease=lease) for lease in leases])

    async def _attempt(self, leases: Sequence[Lease]) -> None:
        """Send once; halve a refused batch until the event at fault stands alone."""
        self._status.in_flight += 1
        try:
            await self._sink.send([lease.event for lease in leases])
        except PermanentSinkError as error:
            if len(leases) == 1:
                await self._fail(leases, error)
                return
            self._count(error)
            middle = len(leases) // 2
            await self._attempt(leases[:middle])
            await self._attempt(leases[middle:])
        except SinkError as error:
            await self._fail(leases, error)
        except Exception as error:  # noqa: BLE001  # one of two places (style 4)
            self._log.exception("A sink raised what it may not.")
            await self._fail(leases, TemporarySinkError(repr(error), reason="bug"))
        else:
            await self._succeed(leases)
        finally:
            self._status.in_flight -= 1

    async def _succeed(self, leases: Sequence[Lease]) -> None:
        now = self._now()
        self._recorder.add([Delivered(lease=lease) for lease in leases])
        self._succeeded.inc()
        self._delivered.inc(len(leases))
        for lease in leases:
            self._seconds.observe(now - lease.stored)
        self._status.last_success_at = datetime.fromtimestamp(now, UTC)
        self._failures.recovered("Delivery works again.")
        await self._gate.after_success()

    async def _fail(self, leases: Sequence[Lease], error: SinkError) -> None:
        now = self._now()
        self._count(error)
        self._status.last_error = str(error)
        self._status.last_error_at = datetime.fromtimestamp(now, UTC)
        self._failures.failed(str(error))
        outcomes = [self._outcome(lease, error, now) for lease in leases]
        await self._gate.after_failure(error)
        self._dead.inc(sum(isinstance(outcome, Dead) for outcome in outcomes))
        self._recorder.add(outcomes)

    def _outcome(self, lease: Lease, error: SinkError, now: float) -> Outcome:
        """A try of a paused sink that fails counts only if the event is at fault."""
        if self._gate.is_paused and isinstance(error, TemporarySinkError):
            return Released(lease=lease)
        return self._policy.outcome(lease, error, now=now, random=self._random)

    def _count(self, error: SinkError) -> None:
        code = f"{error.status // 100}xx" if error.status else error.reason
        self._attempts.labels(self._sink.name, code).inc()
