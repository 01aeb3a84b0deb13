"""What a failed attempt means."""

import pytest

from bridge.deliver.outcomes import RetryPolicy
from bridge.errors import (
    OUR_FAULT,
    PermanentSinkError,
    SinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.events import EncodedEvent
from bridge.queue import Dead, Lease, Outcome, Released, Retry

POLICY = RetryPolicy()


def lease(*, attempt: int = 1, age_seconds: float = 0.0) -> Lease:
    """Return a lease of some event."""
    event = EncodedEvent(id="a-1", body=b"{}", data_offset=0)
    return Lease(
        handle=1,
        sink="hook",
        event=event,
        attempt=attempt,
        age_seconds=age_seconds,
        stored=0.0,
    )


def outcome(one: Lease, error: SinkError, *, fraction: float = 0.5) -> Outcome:
    """Return what the default policy makes of it at second 100."""
    return POLICY.outcome(one, error, now=100.0, random=lambda: fraction)


@pytest.mark.parametrize(
    ("attempt", "due"), [(1, 100.5), (2, 101.0), (4, 104.0), (40, 400.0)]
)
def test_temporary_failure_waits_twice_as_long_each_time(
    attempt: int, due: float
) -> None:
    """Full jitter: half of 1 s, 2 s, 8 s, ... and at most 10 min here."""
    error = TemporarySinkError("503", reason="status")

    result = outcome(lease(attempt=attempt), error)

    assert result == Retry(lease=lease(attempt=attempt), due=due)


def test_retry_after_wins_over_a_shorter_delay() -> None:
    """The sink's own word is the least wait."""
    error = TemporarySinkError("429", reason="status", retry_after_seconds=30.0)

    result = outcome(lease(), error)

    assert result == Retry(lease=lease(), due=130.0)


@pytest.mark.parametrize(
    ("attempt", "age", "kind"),
    [
        (8, 72 * 3600, Dead),
        (7, 72 * 3600, Retry),
        (900, 71 * 3600, Retry),
        (1, 99 * 3600, Retry),
    ],
)
def test_given_up_only_when_old_and_tried_often(
    attempt: int, age: float, kind: type
) -> None:
    """72 hours and at least 8 attempts; nothing is given up untried."""
    error = TemporarySinkError("503", reason="status")

    result = outcome(lease(attempt=attempt, age_seconds=age), error)

    assert isinstance(result, kind)


def test_error_may_bound_its_own_attempts() -> None:
    """A conflict is tried a few times only."""
    error = TemporarySinkError("409", reason="conflict", max_attempts=3)

    kinds = [type(outcome(lease(attempt=n), error)) for n in (1, 2, 3)]

    assert kinds == [Retry, Retry, Dead]


def test_refused_event_becomes_a_dead_letter_with_its_evidence() -> None:
    """The event's fault: no further attempt."""
    error = PermanentSinkError("400", reason="status", status=400, excerpt=b"bad")

    result = outcome(lease(), error)

    assert result == Dead(lease=lease(), reason="400", status=400, excerpt=b"bad")


def test_operators_fault_burns_no_attempt() -> None:
    """The delivery goes back as it was."""
    result = outcome(lease(), SinkPausedError("401", reason="status", status=401))

    assert result == Released(lease=lease())


def test_an_attempt_that_could_open_nothing_ends_no_delivery() -> None:
    """However old it is: the sink was not asked (issue 10, item 37)."""
    error = TemporarySinkError("no file", reason=OUR_FAULT, scope="sink")

    found = outcome(lease(attempt=99, age_seconds=1e9), error)

    assert isinstance(found, Retry)
