"""A dead letter that goes to another sink."""

import asyncio
import base64

import pytest

from bridge.deliver import DeadLetterSink, RetryPolicy
from bridge.errors import PermanentSinkError, TemporarySinkError
from bridge.events import CloudEvent
from bridge.events.encode import decode, encode
from bridge.queue import Entry
from tests.unit.deliver.scripted import Bench, ScriptedSink

EVENT = CloudEvent(
    id="a-1",
    source="kubernetes://test",
    type="io.kubebridge.event.warning.v1",
    extensions={"reason": "BackOff", "count": 3},
    data=b'{"a":1}',
)
LETTERS = DeadLetterSink(name="spare", failed="https://example.com/hook")


def forwarded(error) -> CloudEvent:
    """Return the event that goes to the other sink."""
    return decode(LETTERS.forward(encode(EVENT), error).event)


def refused(excerpt: bytes = b"") -> PermanentSinkError:
    """Return a 422."""
    return PermanentSinkError("422", reason="status", status=422, excerpt=excerpt)


def test_event_gains_what_went_wrong_and_keeps_all_else() -> None:
    """Knative's attributes [peers-knative-argo 2.3]; id and data as they were."""
    event = forwarded(refused(b'{ "message": "catastrophic failure" }'))

    assert (event.id, event.source, event.data) == ("a-1", EVENT.source, EVENT.data)
    assert event.extensions == {
        **EVENT.extensions,
        "knativeerrordest": "https://example.com/hook",
        "knativeerrorcode": "422",
        "knativeerrordata": base64.b64encode(
            b'{ "message": "catastrophic failure" }'
        ).decode(),
    }


def test_data_is_cut_to_1024_characters_that_can_be_read() -> None:
    """1024 is a multiple of four: what is left is whole base64."""
    event = forwarded(refused(b"x" * 4096))

    data = event.extensions["knativeerrordata"]
    assert len(data) == 1024
    assert base64.b64decode(data) == b"x" * 768


def test_answer_without_a_body_has_no_data() -> None:
    """And none at all has no code either."""
    silent = TemporarySinkError("refused", reason="refused")

    assert set(forwarded(refused()).extensions) - set(EVENT.extensions) == {
        "knativeerrordest",
        "knativeerrorcode",
    }
    assert set(forwarded(silent).extensions) - set(EVENT.extensions) == {
        "knativeerrordest"
    }


def test_second_failure_says_nothing_of_the_first() -> None:
    """Also where it knows less."""
    first = LETTERS.forward(encode(EVENT), refused(b"no")).event
    silent = TemporarySinkError("refused", reason="refused")

    event = decode(LETTERS.forward(first, silent).event)

    assert "knativeerrorcode" not in event.extensions
    assert "knativeerrordata" not in event.extensions


@pytest.mark.looptime
async def test_dead_letter_waits_for_the_other_sink() -> None:
    """It is no dead letter here."""

    def answer(_ids) -> None:
        raise refused(b"no")

    policy = RetryPolicy(dead_letters=LETTERS)
    bench = Bench(ScriptedSink(answer=answer), policy=policy)
    bench.queue.add(Entry(event=None, encoded=encode(EVENT)), "hook")

    async with bench.running():
        await asyncio.sleep(1)

    [row] = bench.queue.rows.values()
    assert (row.lease.sink, row.lease.event.id, row.lease.attempt) == (
        "spare",
        "a-1",
        1,
    )
    assert bench.dead == []
