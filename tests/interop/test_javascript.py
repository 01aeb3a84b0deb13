"""An independent receiver, the CloudEvents SDK for JavaScript, reads what we send.

Skipped with a reason where Node or the package cannot be had.
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bridge.events.encode import BATCH_TYPE, STRUCTURED_TYPE, batch, binary, encode
from tests.interop import samples
from tests.interop.javascript import HERE, assert_same, assert_same_text
from tests.unit.events import strategies

pytestmark = pytest.mark.timeout(120)

# Each example starts a process, so few with many events, and no shrinking.
ONE_GO = settings(
    max_examples=2,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
many_events = st.lists(strategies.events(strategies.objects), min_size=20, max_size=40)


def receive(messages: list[tuple[Any, bytes]], modules: Path) -> list[Any]:
    """Return what the receiver found in each message."""
    wire = [
        {
            "headers": {name.decode(): value.decode() for name, value in headers},
            "body": base64.b64encode(body).decode(),
        }
        for headers, body in messages
    ]
    done = subprocess.run(
        ["node", str(HERE / "receiver.cjs")],
        input=json.dumps(wire).encode(),
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    return json.loads(done.stdout)


@ONE_GO
@given(many_events)
def test_receiver_reads_structured_events(modules, events):
    """Attributes, types and data arrive as they were."""
    headers = [(b"content-type", STRUCTURED_TYPE)]
    messages = [(headers, encode(event).body) for event in events]

    answers = receive(messages, modules)

    for event, [found] in zip(events, answers, strict=True):
        assert_same(event, found)


@ONE_GO
@given(many_events)
def test_receiver_reads_binary_events(modules, events):
    """Attributes arrive as text, once decoded, and data as they were."""
    with_data = [event for event in events if event.data is not None]

    answers = receive([binary(encode(event)) for event in with_data], modules)

    for event, [found] in zip(with_data, answers, strict=True):
        assert_same_text(event, found)


@ONE_GO
@given(many_events)
def test_receiver_reads_batches(modules, events):
    """All events of a batch arrive, in order."""
    body = batch([encode(event) for event in events])

    [answer] = receive([([(b"content-type", BATCH_TYPE)], body)], modules)

    for event, found in zip(events, answer, strict=True):
        assert_same(event, found)


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_receiver_takes_all_we_send(javascript_receiver, make_sink, mode):
    """Over HTTP, by either engine: nothing is refused, and all is there."""
    sink = make_sink(javascript_receiver, mode)

    for event in samples.encoded().values():
        await sink.send([event])

    taken = await told(javascript_receiver)
    for event, found in zip(samples.events().values(), taken, strict=True):
        is_text = mode == "binary" and event.data is not None
        (assert_same_text if is_text else assert_same)(event, found)


async def test_receiver_takes_a_batch_of_all_we_send(javascript_receiver, make_sink):
    """In one request of more than a megabyte."""
    sink = make_sink(javascript_receiver, "batch")

    await sink.send([*samples.encoded().values()])

    taken = await told(javascript_receiver)
    for event, found in zip(samples.events().values(), taken, strict=True):
        assert_same(event, found)


async def test_recorded_events_need_no_decoding(javascript_receiver, make_sink):
    """Receivers that do not percent-decode find the same (cloudevents 9)."""
    sink = make_sink(javascript_receiver, "binary")
    names = [one for one in samples.events() if one.startswith("ours: events-")]

    for name in names:
        await sink.send([samples.encoded()[name]])

    for name, found in zip(names, await told(javascript_receiver), strict=True):
        event = samples.events()[name]
        assert found["subject"] == event.subject
        assert found["reason"] == event.extensions["reason"]


async def told(url: str) -> list[dict[str, Any]]:
    """Return what a receiver took, in order."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).json()
