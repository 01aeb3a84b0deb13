"""A receiver written with the CloudEvents SDK for Python takes what we send.

What version 2.2 does otherwise than the specification asks: it knows no batches, so
that a receiver feeds it each member; in binary mode integers and Booleans stay text
(allowed: HTTP binding 3.1.3); it invents a time where there is none.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent

from bridge.events import CloudEvent
from bridge.events.encode import BATCH_TYPE
from tests.conformance.reader import written
from tests.interop import samples
from tests.unit.sinks.receiver import Connection, Receiver, Request, answer

pytestmark = pytest.mark.timeout(60)


class Taker:
    """Answers 202 to what the SDK reads, else 400 and the error."""

    def __init__(self) -> None:
        self.taken: list[SdkEvent] = []

    async def __call__(self, connection: Connection, request: Request) -> None:
        """Take a request as a behaviour of `Receiver`."""
        try:
            self.taken += [from_http_event(one) for one in split(request)]
        except Exception as error:  # noqa: BLE001  # whatever it raises, it refuses
            await answer(400, str(error).encode())(connection, request)
        else:
            await answer(202)(connection, request)


def split(request: Request) -> list[HTTPMessage]:
    """Return a message for each event."""
    headers = dict(request.headers)
    if headers["content-type"] != BATCH_TYPE.decode():
        return [HTTPMessage(headers, request.body)]
    single = headers | {"content-type": "application/cloudevents+json"}
    members = json.loads(request.body)
    return [HTTPMessage(single, json.dumps(one).encode()) for one in members]


def assert_same(event: CloudEvent, found: SdkEvent, *, as_text: bool = False) -> None:
    """Compare an event with what the SDK found."""
    wanted: dict[str, Any] = event.attributes()
    got = dict(found.get_attributes())
    time = got.pop("time")
    told = wanted.pop("time", None)
    assert told is None or time == datetime.fromisoformat(told).astimezone(UTC)
    if as_text:
        wanted = {name: written(value) for name, value in wanted.items()}
        wanted.setdefault("datacontenttype", "application/json")
    assert got == wanted
    assert found.get_data() == samples.data_of(event)


@pytest.fixture
async def receiver():
    """Run a webhook; return it and what it takes."""
    taker = Taker()
    async with Receiver(taker) as one:
        one.taker = taker
        yield one


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_receiver_takes_all_we_send(receiver, make_sink, mode):
    """Over HTTP, by either engine: nothing is refused, and all is there."""
    sink = make_sink(receiver.url, mode)

    for event in samples.encoded().values():
        await sink.send([event])

    taken = receiver.taker.taken
    for event, found in zip(samples.events().values(), taken, strict=True):
        is_text = mode == "binary" and event.data is not None
        assert_same(event, found, as_text=is_text)


async def test_receiver_takes_a_batch_of_all_we_send(receiver, make_sink):
    """In one request of more than a megabyte."""
    sink = make_sink(receiver.url, "batch")

    await sink.send([*samples.encoded().values()])

    taken = receiver.taker.taken
    for event, found in zip(samples.events().values(), taken, strict=True):
        assert_same(event, found)
