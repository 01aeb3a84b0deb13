"""Deliver to one sink: lease, attempt, record."""

import asyncio
import time
from collections.abc import Callable
from random import random as any_fraction

from bridge.deliver.attempts import AttemptRunner
from bridge.deliver.batches import Batcher
from bridge.deliver.gate import SinkGate
from bridge.deliver.limits import CircuitBreaker, FairSlots, RateLimiter, RequestGate
from bridge.deliver.outcomes import LAST_WORDS_SECONDS, OutcomeRecorder, RetryPolicy
from bridge.deliver.reports import DeadLetterLog, Reminder
from bridge.deliver.settings import BreakerConfig, RateConfig
from bridge.health import SinkStatus
from bridge.journal import Attempt
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue
from bridge.sinks import Sink
from bridge.sinks.http.settings import BatchConfig

MOST_LEASED = 500
"""Most deliveries leased in one step, as many as one transaction groups."""

ROUNDS_LEASED = 2
"""How many requests are leased for each worker in one step of the writer's thread.

A step costs 150 us: 2 us of each event that goes alone if 64 are leased. Not more, for
what is leased last is the fourth round from then on, and four rounds of a Broker's
timeout, 5 minutes, have to fit into a lease of 30.
"""


class Sender:
    """Delivers the events that wait for one sink, until it is stopped."""

    def __init__(
        self,
        *,
        sink: Sink,
        queue: Queue,
        concurrency: int,
        policy: RetryPolicy,
        status: SinkStatus,
        metrics: Metrics,
        breaker: BreakerConfig | None = None,
        rate: RateConfig | None = None,
        batch: BatchConfig | None = None,
        is_ordered: bool = False,
        slots: FairSlots | None = None,
        record: Callable[[Attempt], None] | None = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
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
            breaker: When the breaker opens; None: there is none.
            rate: Most requests; None: no limit of ours.
            batch: Bytes of an attempt, and its linger; None: any number, and none.
            is_ordered: Whether all events go in one order: what one step leases goes
                in one attempt, or back to the queue.
            slots: Bounds the attempts of all sinks together; None: nothing does.
            record: Takes each attempt, for each of its events; None: nobody does.
            now: Unix seconds.
            steady: A clock in seconds that never goes back.
            random: Gives fractions in [0, 1).
        """
        self._sink = sink
        self._queue = queue
        self._concurrency = concurrency
        self._status = status
        self._stopping = asyncio.Event()
        self._rate_limiter = RateLimiter(rate, now=steady)
        self._request_gate = RequestGate(
            sink=sink.name,
            rate_limiter=self._rate_limiter,
            slots=slots,
            stop=self._stopping,
        )
        self._gate = SinkGate(
            sink=sink,
            queue=queue,
            policy=policy,
            breaker=None if breaker is None else CircuitBreaker(breaker, now=steady),
            status=status,
            metrics=metrics,
            now=now,
            random=random,
        )
        self._outcome_recorder = OutcomeRecorder(queue, sink=sink.name)
        self._batcher = Batcher(
            batch, events=sink.max_batch, most=concurrency, is_ordered=is_ordered
        )
        self._is_ordered = is_ordered
        self._dead_letters = DeadLetterLog(sink=sink.name, now=steady)
        self._reminder = Reminder(
            status=status, queue=queue, is_held=self._gate.is_held, now=now
        )
        self._attempt_runner = AttemptRunner(
            sink=sink,
            gate=self._gate,
            policy=policy,
            outcome_recorder=self._outcome_recorder,
            request_gate=self._request_gate,
            status=status,
            metrics=metrics,
            record=record,
            dead_letters=self._dead_letters,
            now=now,
            random=random,
            is_ordered=is_ordered,
        )
        self._log = get_logger(sink=sink.name)

    async def stop(self, reason: str) -> None:
        """Stop the sink for an operator; attempts under way may end."""
        await self._gate.stop(reason)
        self._batcher.cut()

    async def resume(self) -> bool:
        """Resume the sink from any state; return whether it was held back."""
        return await self._gate.resume()

    def retire(self) -> None:
        """Leave the state of the sink to a successor, which delivers from now on.

        Outcomes of attempts under way are recorded all the same.
        """
        self._gate.retire()

    async def try_now(self) -> bool:
        """Try one delivery at once although the sink is held back, unless stopped."""
        return await self._gate.try_now()

    async def run(self, *, stop: asyncio.Event, grace_seconds: float) -> None:
        """Deliver until `stop` is set; then finish the attempts under way.

        Args:
            stop: Set once nothing more is to be leased.
            grace_seconds: How long attempts under way may still take.
        """
        await self._gate.restore()
        async with asyncio.TaskGroup() as recording:
            record = recording.create_task(self._outcome_recorder.run(), name="record")
            async with asyncio.TaskGroup() as sending:
                workers = [
                    sending.create_task(self._work(), name=f"work {number}")
                    for number in range(self._concurrency)
                ]
                await self._lease_until(stop)
                await self._drain(grace_seconds)
                for worker in workers:
                    worker.cancel()
            self._outcome_recorder.close()
            # On a full volume it would go on for ever.
            await asyncio.wait([record], timeout=LAST_WORDS_SECONDS)
            record.cancel()

    async def _lease_until(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as leasing:
            tasks = [
                leasing.create_task(self._lease_forever(), name="lease"),
                leasing.create_task(self._batcher.linger(), name="linger"),
                leasing.create_task(self._gate.watch_fingerprint(), name="look"),
                leasing.create_task(self._reminder.run(), name="remind"),
                leasing.create_task(self._dead_letters.run(), name="count"),
            ]
            await stop.wait()
            self._stopping.set()
            for task in tasks:
                task.cancel()

    async def _drain(self, seconds: float) -> None:
        """Wait for attempts under way; leases not yet sent go back to the queue."""
        self._attempt_runner.release(self._batcher.clear())
        try:
            async with asyncio.timeout(seconds):
                await self._batcher.join()
        except TimeoutError:
            self._log.warning(
                "Attempts cut by the end of the grace time.",
                in_flight=self._status.in_flight,
            )

    async def _lease_forever(self) -> None:
        while True:
            leases = await self._queue.lease(self._sink.name, await self._limit())
            epoch = self._gate.epoch
            if not self._gate.is_open:  # perhaps since the lease was asked for
                self._attempt_runner.release(leases[1:])
                await self._batcher.add_trial(leases[0], epoch)
                continue
            if self._is_ordered:
                fitting = self._batcher.fitting(leases)
                self._attempt_runner.release(leases[fitting:])
                leases = leases[:fitting]
            await self._batcher.add(leases, epoch)

    async def _limit(self) -> int:
        """Wait until events may be sent; return how many to lease."""
        await self._outcome_recorder.wait_for_room()
        self._rate_limiter.obey(self._sink.requests_per_minute)
        requests = await self._request_gate.wait_for_room(lambda: self._batcher.waiting)
        if not self._gate.is_open:
            return 1
        most = ROUNDS_LEASED * self._concurrency
        requests = most if requests is None else min(requests, most)
        return min(MOST_LEASED, requests * self._sink.max_batch)

    async def _work(self) -> None:
        while True:
            job = await self._batcher.get()
            try:
                await self._attempt_runner.attempt(job)
            except asyncio.CancelledError:
                self._attempt_runner.release(job.leases)
                raise
            finally:
                self._batcher.task_done()
                if job.done is not None:
                    job.done.set()
