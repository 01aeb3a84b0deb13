"""Our sinks towards a Broker: what it takes, what it refuses, when it is in doubt."""

import asyncio
import json

import pytest

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.secrets import SecretText
from bridge.sinks.transports.aiohttp import IDLE_SECONDS
from bridge.sinks.transports.llhttp import transport as llhttp
from tests.conformance import broker as knative
from tests.conformance.broker import Broker, Display, Subscriber
from tests.conformance.reader import written
from tests.interop import samples

pytestmark = pytest.mark.timeout(60)

GAP = samples.encoded()["ours: gap"]

ENCODED = ("reason with blank", "reason with quote", "reason with percent")
"""What cannot be in a header as it is, as Kubernetes' reasons seldom are."""


async def send_all(sink):
    """Send every sample, one by one."""
    for event in samples.encoded().values():
        await sink.send([event])


def is_same(event, taken):
    """Whether a subscriber has the event as it was, but for percent-encoding."""
    wanted = {name: written(one) for name, one in event.attributes().items()}
    wanted.setdefault("datacontenttype", "application/json")
    got = dict(taken.attributes)
    got.pop("knativearrivaltime", None)
    got.setdefault("datacontenttype", "application/json")
    data = json.loads(taken.body) if taken.body else None
    return got == wanted and data == samples.data_of(event)


async def test_broker_takes_all_that_we_send_structured(make_sink, broker):
    """The default mode, and what `knative: true` stands for."""
    await send_all(make_sink(broker.url))

    events = samples.events().values()
    assert all(map(is_same, events, broker.taken))
    assert len(broker.taken) == len(events)


async def test_broker_takes_all_that_we_send_in_binary_mode(make_sink, broker):
    """Subscribers get what is percent-encoded as it is: structured is better."""
    await send_all(make_sink(broker.url, mode="binary"))

    events = samples.events()
    taken = dict(zip(events, broker.taken, strict=True))
    odd = {name for name, event in events.items() if not is_same(event, taken[name])}
    assert odd == {
        name for name in events if name.endswith(ENCODED) or "with over" in name
    }
    blank = taken["ours: reason with blank"]
    assert blank.attributes["reason"] == "Failed%20to%20pull"


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_sdk_go_takes_all_that_we_send(make_sink, mode):
    """As event_display, or any subscriber that is reached without a Broker."""
    async with Display() as display:
        await send_all(make_sink(display.url, mode=mode))

    assert len(display.taken) == len(samples.events())


@pytest.mark.parametrize("size", [1, 2])
async def test_broker_refuses_batches(make_sink, broker, size):
    """For good, so that they do not wait for ever."""
    sink = make_sink(broker.url, mode="batch", batch_size=2)

    with pytest.raises(PermanentSinkError, match="answered 400") as caught:
        await sink.send([GAP] * size)

    assert (caught.value.status, broker.taken) == (400, [])


async def test_sdk_go_fails_on_batches(make_sink):
    """500: only a limit of attempts ends that."""
    async with Display() as display:
        sink = make_sink(display.url, mode="batch")

        with pytest.raises(TemporarySinkError, match="answered 500"):
            await sink.send([GAP])


async def test_idle_connections_are_closed_before_the_broker_does(
    make_sink, monkeypatch
):
    """Otherwise a request now and then would be written to a closed one."""
    for module in (
        "bridge.sinks.transports.aiohttp",
        "bridge.sinks.transports.llhttp.transport",
    ):
        monkeypatch.setattr(f"{module}.IDLE_SECONDS", 0.05)
    async with Broker() as broker:
        await make_sink(broker.url).send([GAP])
        await broker.server.wait_closed()

    assert (broker.server.left, broker.server.idled) == (1, 0)


async def test_none_of_several_connections_is_idle_too_long(make_sink, monkeypatch):
    """One that is used again begins anew, and is looked at in time all the same."""
    for module in (
        "bridge.sinks.transports.aiohttp",
        "bridge.sinks.transports.llhttp.transport",
    ):
        monkeypatch.setattr(f"{module}.IDLE_SECONDS", 0.4)
    async with Broker(subscriber=Subscriber(seconds=0.05), idle_seconds=0.6) as broker:
        sink = make_sink(broker.url)
        async with asyncio.TaskGroup() as tasks:
            for number in range(2):
                tasks.create_task(sink.send([GAP]), name=f"send {number}")
        await asyncio.sleep(0.02)
        await sink.send([GAP])
        await broker.server.wait_closed()

    assert (broker.server.left, broker.server.idled) == (2, 0)


async def test_connections_that_were_idle_too_long_are_not_used(make_sink, monkeypatch):
    """Whatever became of them meanwhile."""
    for module in (
        "bridge.sinks.transports.aiohttp",
        "bridge.sinks.transports.llhttp.transport",
    ):
        monkeypatch.setattr(f"{module}.IDLE_SECONDS", 0.05)
    async with Broker() as broker:
        sink = make_sink(broker.url)
        await sink.send([GAP])
        await asyncio.sleep(0.1)
        await sink.send([GAP])

    assert (broker.server.connections, len(broker.taken)) == (2, 2)


def test_idle_time_is_below_that_of_a_broker():
    """8 and 10 seconds."""
    assert llhttp.IDLE_SECONDS == IDLE_SECONDS < knative.IDLE_SECONDS


async def test_slow_subscriber_makes_no_duplicates_within_the_timeout(make_sink):
    """The chain is synchronous: the answer comes when the subscriber has answered."""
    async with Broker(subscriber=Subscriber(seconds=0.3)) as broker:
        [answer] = await make_sink(broker.url).send([GAP])

    assert (answer.status, broker.ids()) == (202, [GAP.id])


async def test_slow_subscriber_makes_duplicates_beyond_the_timeout(make_sink):
    """Which is why it has to be minutes: what we give up on arrives all the same."""
    async with Broker(subscriber=Subscriber(seconds=0.3)) as broker:
        sink = make_sink(broker.url, timeout_seconds=0.1)
        for _ in range(2):
            with pytest.raises(TemporarySinkError, match=r"0\.1") as caught:
                await sink.send([GAP])

    assert caught.value.reason == "timeout-answer"
    assert broker.ids() == [GAP.id, GAP.id]


async def test_failure_behind_the_broker_is_tried_again(make_sink):
    """500, without Retry-After, whatever it was."""
    async with Broker(subscriber=Subscriber(statuses=(429, 200))) as broker:
        sink = make_sink(broker.url)
        with pytest.raises(TemporarySinkError, match="answered 500") as caught:
            await sink.send([GAP])
        await sink.send([GAP])

    assert caught.value.retry_after_seconds is None
    assert len(broker.taken) == 2


async def test_broker_that_is_stopped_is_tried_again(make_sink):
    """The event may have arrived; it comes again, with the same id."""
    async with Broker(subscriber=Subscriber(seconds=60)) as broker:
        with pytest.raises(ExceptionGroup) as caught:
            await cut_while_sending(broker, make_sink(broker.url))

    [error] = caught.value.exceptions
    assert isinstance(error, TemporarySinkError)
    assert (error.reason, broker.ids()) == ("reset", [GAP.id])


async def cut_while_sending(broker, sink):
    """Stop a Broker that has an event and has not answered."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sink.send([GAP]), name="send")
        await broker.wait_taken(1)
        broker.server.cut()


@pytest.mark.parametrize("path", ["/", "/shop/other", "/shop/default?a=b"])
async def test_broker_that_is_not_there_is_tried_again(make_sink, broker, path):
    """404 can be a Broker that is not ready yet."""
    url = broker.url.replace("/shop/default", path)

    with pytest.raises(TemporarySinkError, match="answered 404"):
        await make_sink(url).send([GAP])


async def test_token_of_a_broker_is_sent(make_sink):
    """OIDC; without it the sink pauses, and nothing is lost."""
    async with Broker(token="t1") as broker:
        with pytest.raises(SinkPausedError, match="answered 401"):
            await make_sink(broker.url).send([GAP])
        auth = BearerAuth(token=SecretText("t1"))
        await make_sink(broker.url, auth=auth).send([GAP])

    assert broker.ids() == [GAP.id]


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_nothing_is_compressed(make_sink, broker, mode):
    """A Broker drops Content-Encoding, so gzip would reach subscribers as noise."""
    [one] = await make_sink(broker.url, mode=mode).send([GAP])

    assert one.status == 202
    assert json.loads(broker.taken[0].body) == samples.data_of(
        samples.events()["ours: gap"]
    )
