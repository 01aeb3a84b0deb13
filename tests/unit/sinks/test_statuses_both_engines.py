"""Every status, in every content mode, through both engines, over a real socket.

The rows are those of `bridge.sinks.http.classify`; an engine may change none.
"""

from dataclasses import dataclass

import pytest

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event

TEMPORARY, PERMANENT, PAUSED = TemporarySinkError, PermanentSinkError, SinkPausedError


@dataclass(frozen=True)
class Row:
    """What a status comes to."""

    error: type
    reason: str = "status"
    retry_after: float | None = None
    scope: str = "event"
    attempts: int | None = None


GATED = Row(TEMPORARY, retry_after=7.0, scope="sink")

TABLE = {
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), Row(PAUSED)),
    **dict.fromkeys((400, 422, 402, 406, 418, 451), Row(PERMANENT)),
    **dict.fromkeys((401, 403, 405, 407, 410), Row(PAUSED)),
    **dict.fromkeys((404, 408, 421, 425), Row(TEMPORARY)),
    409: Row(TEMPORARY, "conflict", attempts=5),
    413: Row(PERMANENT),
    415: Row(PAUSED),
    **dict.fromkeys((429, 503), GATED),
    **dict.fromkeys((500, 502, 504, 507, 599), Row(TEMPORARY)),
    **dict.fromkeys((501, 505), Row(PAUSED)),
    **dict.fromkeys((600, 999), Row(TEMPORARY, "bad-answer")),
}

by_mode = pytest.mark.parametrize("mode", ["structured", "binary", "batch"])


def events(mode):
    """Return what one attempt carries in that mode."""
    return [event(1), event(2)] if mode == "batch" else [event(1)]


@by_mode
@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 206, 226])
async def test_2xx_delivers(status, mode, make_sink):
    """Each event of the attempt is answered, and the connection is kept."""
    async with Receiver(answer(status)) as receiver:
        sink = make_sink(receiver.url, mode=mode, batch_size=2)
        answers = [await sink.send(events(mode)) for _ in range(2)]

    assert [one.status for one in answers[1]] == [status] * len(events(mode))
    assert (len(receiver.requests), receiver.connections) == (2, 1)


@by_mode
@pytest.mark.parametrize(("status", "row"), TABLE.items())
async def test_status_is_judged_alike(status, row, mode, make_sink):
    """Error, reason, delay and scope are those of the table; a body is kept."""
    body = b"" if status == 304 else b"why"
    script = answer(status, body, {"Retry-After": "7", "Location": "/elsewhere"})
    async with Receiver(script) as receiver:
        sink = make_sink(receiver.url, mode=mode, batch_size=2)
        with pytest.raises(row.error) as caught:
            await sink.send(events(mode))

    fault = caught.value
    got = [getattr(fault, name, None) for name in ("reason", "retry_after_seconds")]
    assert (fault.status, fault.excerpt, *got) == (
        *(status, body, row.reason, row.retry_after),
    )
    assert getattr(fault, "scope", "event") == row.scope
    assert getattr(fault, "max_attempts", None) == row.attempts
    assert len(receiver.requests) == 1
