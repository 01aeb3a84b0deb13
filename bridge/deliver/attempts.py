"""Make the attempts of one sink, and record their outcomes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from bridge.deliver.batches import Batch
from bridge.deliver.gate import SinkGate
from bridge.deliver.limits import RequestGate
from bridge.deliver.outcomes import OutcomeRecorder, RetryPolicy
from bridge.deliver.reports import DeadLetterLog
from bridge.errors import (
    PermanentSinkError,
    SinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.health import SinkStatus
from bridge.journal import Attempt, Ending
from bridge.logs import RepeatedFailure, get_logger, is_debug
from bridge.metrics import Metrics
from bridge.queue import Dead, Delivered, Lease, Outcome, Released, Retry
from bridge.sinks import Accepted, Sink
from bridge.text.tracebacks import summary


class AttemptRunner:
    """Makes the attempts of one sink; each event of an attempt has one outcome."""

    def __init__(
        self,
        *,
        sink: Sink,
        gate: SinkGate,
        policy: RetryPolicy,
        outcome_recorder: OutcomeRecorder,
        request_gate: RequestGate,
        status: SinkStatus,
        metrics: Metrics,
        record: Callable[[Attempt], None] | None,
        dead_letters: DeadLetterLog,
        now: Callable[[], float],
        random: Callable[[], float],
        is_ordered: bool,
    ) -> None:
        """Bind the parts; see `Sender`."""
        self._is_ordered = is_ordered
        self._sink = sink
        self._gate = gate
        self._policy = policy
        self._outcome_recorder = outcome_recorder
        self._request_gate = request_gate
        self._status = status
        self._record = record
        self._dead_letters = dead_letters
        self._now = now
        self._random = random
        self._log = get_logger(sink=sink.name)
        self._failures = RepeatedFailure(self._log, "Delivery failed.")
        self._is_debug = is_debug()
        self._attempts = metrics.attempts
        self._succeeded = metrics.attempts.labels(sink.name, "2xx")
        self._partial = metrics.attempts.labels(sink.name, "partial")
        self._seconds = metrics.delivery_seconds.labels(sink.name)

    async def attempt(self, job: Batch) -> bool:
        """Send once; halve a refused batch until the event at fault stands alone.

        Nothing is sent if the gate was closed since the job was leased.

        Returns:
            Whether all deliveries of the batch ended: none is tried again.
        """
        if self._request_gate.are_free:
            result = await self._send(job)
        elif job.epoch == self._gate.epoch and await self._request_gate.take():
            try:
                result = await self._send(job)
            finally:
                self._request_gate.give_back()
        else:
            result = None
        if result is None:
            self.release(job.leases)
            return False
        if isinstance(result, PermanentSinkError) and len(job.leases) > 1:
            return await self._halve(job, result)
        if isinstance(result, SinkError):
            self._count(result)
            refused = [(lease, result) for lease in job.leases]
            return await self._fail(refused, job.epoch)
        return await self._settle(job, result)

    def release(self, leases: Sequence[Lease]) -> None:
        """Give deliveries back to the queue that were not sent."""
        self._outcome_recorder.add([Released(lease=lease) for lease in leases])

    async def _send(
        self, job: Batch
    ) -> Sequence[Accepted | SinkError] | SinkError | None:
        """Return each event's result, or the error of all; None: the gate was closed.

        Behind a closed gate nothing was sent.
        """
        if job.epoch != self._gate.epoch:
            return None
        self._status.in_flight += 1
        try:
            results = await self._sink.send([lease.event for lease in job.leases])
            if len(results) != len(job.leases):
                raise ValueError(_miscounted(results, job))  # noqa: TRY301  # see below
        except SinkError as error:
            return error
        except Exception as error:  # noqa: BLE001  # one of two places (style 4)
            self._log.exception("A sink raised what it may not.")
            message = f"sink {self._sink.name}: {summary(error)}"
            return TemporarySinkError(message, reason="bug")
        else:
            return results
        finally:
            self._status.in_flight -= 1

    async def _halve(self, job: Batch, error: SinkError) -> bool:
        """Send both halves; in the order of the sink none overtakes one before it."""
        self._count(error)
        self._note(job.leases, error, ending="released")
        middle = len(job.leases) // 2
        first, second = job.leases[:middle], job.leases[middle:]
        has_ended = await self.attempt(Batch(first, job.epoch))
        if self._is_ordered and not has_ended:
            self.release(second)
            return False
        return await self.attempt(Batch(second, job.epoch)) and has_ended

    async def _settle(
        self, job: Batch, results: Sequence[Accepted | SinkError]
    ) -> bool:
        """Act on each event's own result: a receiver may take some and refuse others.

        The receiver named the events that it refuses, so nothing is halved.
        """
        taken: list[tuple[Lease, Accepted]] = []
        refused: list[tuple[Lease, SinkError]] = []
        for lease, result in zip(job.leases, results, strict=True):
            if isinstance(result, SinkError):
                refused.append((lease, result))
            else:
                taken.append((lease, result))
        if not refused:
            self._succeeded.inc()
        elif taken:
            self._partial.inc()
        else:
            self._count(_gravest(error for _, error in refused))
        if taken:
            await self._succeed(taken, job.epoch)
        if not refused:
            return True
        return await self._fail(refused, job.epoch, has_taken=bool(taken))

    async def _succeed(
        self, taken: Sequence[tuple[Lease, Accepted]], epoch: int
    ) -> None:
        now = self._now()
        self._outcome_recorder.add([Delivered(lease=lease) for lease, _ in taken])
        self._seconds.observe([now - lease.stored for lease, _ in taken])
        self._status.last_success_at = datetime.fromtimestamp(now, UTC)
        self._failures.recovered("Delivery works again.")
        if self._record is not None:
            self._note_success(taken, now)
        if self._is_debug:
            for lease, answer in taken:
                self._debug(lease, "delivered", answer.status, answer.duration_seconds)
        if self._gate.opens_by_success(epoch):
            await self._gate.after_success()

    async def _fail(
        self,
        refused: Sequence[tuple[Lease, SinkError]],
        epoch: int,
        *,
        has_taken: bool = False,
    ) -> bool:
        """Act on the errors of one attempt; the gate hears of the gravest alone.

        Where other events of the attempt were taken, the sink works: only an error
        that is about the whole sink then moves the gate.
        """
        now = self._now()
        worst = _gravest(error for _, error in refused)
        self._status.last_error = str(worst)
        self._status.last_error_at = datetime.fromtimestamp(now, UTC)
        outcomes = []
        for lease, error in refused:
            outcome = self._outcome(lease, error, now)
            outcomes.append(outcome)
            self._note([lease], error, ending=_ending(outcome))
            if isinstance(outcome, Dead):
                self._dead_letters.say(outcome)
        self._say(outcomes[[error for _, error in refused].index(worst)], worst)
        if not has_taken or _gravity(worst) >= _WHOLE_SINK:
            await self._gate.after_failure(worst, epoch)
        self._outcome_recorder.add(outcomes)
        return all(isinstance(outcome, Dead) for outcome in outcomes)

    def _debug(
        self, lease: Lease, ending: Ending, status: int | None, seconds: float | None
    ) -> None:
        self._log.debug(
            "Attempt ended.",
            id=lease.event.id,
            attempt=lease.attempt,
            outcome=ending,
            status=status,
            seconds=seconds,
        )

    def _outcome(self, lease: Lease, error: SinkError, now: float) -> Outcome:
        if self._gate.forgives(error, lease.event.id):
            return Released(lease=lease)
        return self._policy.outcome(lease, error, now=now, random=self._random)

    def _count(self, error: SinkError) -> None:
        code = f"{error.status // 100}xx" if error.status else error.reason
        self._attempts.labels(self._sink.name, code).inc()

    def _say(self, outcome: Outcome, error: SinkError) -> None:
        due = outcome.due if isinstance(outcome, Retry) else None
        self._failures.failed(
            str(error),
            reason=error.reason,
            status=error.status,
            attempt=outcome.lease.attempt,
            due=None if due is None else datetime.fromtimestamp(due, UTC).isoformat(),
        )

    def _note_success(
        self, taken: Sequence[tuple[Lease, Accepted]], now: float
    ) -> None:
        record, sink = self._record, self._sink.name
        assert record is not None  # noqa: S101  # asked before, on the fast path
        for lease, answer in taken:
            record(
                Attempt(
                    event=lease.kept,
                    sink=sink,
                    number=lease.attempt,
                    at=now,
                    duration_seconds=answer.duration_seconds,
                    ending="delivered",
                    status=answer.status,
                    excerpt=answer.excerpt,
                    id=lease.event.id,
                )
            )

    def _note(
        self, leases: Sequence[Lease], error: SinkError, *, ending: Ending
    ) -> None:
        if self._is_debug:
            for lease in leases:
                self._debug(lease, ending, error.status, error.duration_seconds)
        if self._record is None:
            return
        for lease in leases:
            self._record(
                Attempt(
                    event=lease.kept,
                    sink=self._sink.name,
                    number=lease.attempt,
                    at=self._now(),
                    duration_seconds=error.duration_seconds,
                    ending=ending,
                    status=error.status,
                    reason=error.reason,
                    excerpt=error.excerpt or str(error).encode(),
                    id=lease.event.id,
                )
            )


def _ending(outcome: Outcome) -> Ending:
    match outcome:
        case Retry():
            return "retry"
        case Dead():
            return "dead"
        case _:
            return "released"


_WHOLE_SINK = 2


def _gravity(error: SinkError) -> int:
    """Return how grave an error is for the sink; from 2 on it is about all events."""
    match error:
        case SinkPausedError():
            return 3
        case TemporarySinkError():
            return _WHOLE_SINK if error.scope == "sink" else 1
        case _:
            return 0


def _gravest(errors: Iterable[SinkError]) -> SinkError:
    """Return the gravest error for the sink; the first of several alike."""
    return max(errors, key=_gravity)


def _miscounted(results: Sequence[object], job: Batch) -> str:
    return f"expected {len(job.leases)} results, got {len(results)}"
