"""From the configuration to a receiver that agrees: all parts together."""

import asyncio

import httpx
import pytest

from bridge.api.application import create_api
from bridge.api.context import ApiContext
from bridge.config import parse_config
from bridge.errors import SinkPausedError
from bridge.metrics import Metrics
from bridge.sinks.http.settings import HandshakeConfig
from bridge.sinks.http.sink import build_consent
from bridge.sinks.transports.egress import Egress
from tests.unit.api.world import open_world
from tests.unit.app.building import build_sinks
from tests.unit.app.test_secrecy import running
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event

WHOLE = """
sinks:
  - name: hook
    url: {url}
    outcomes: {{success: [409], retry: [404, 5xx], pause: [410], errorAttempts: 3}}
    handshake:
      mode: require
      origin: bridge.example.com
      rate: 600
      callback: https://api.example.com
      ttl: 1h
  - {{name: out, type: stdout}}
"""


def configured(url="http://h"):
    """Return a configuration with one sink of each kind."""
    return parse_config(WHOLE.format(url=url), name="bridge.yaml", env={})


def api_of(sinks):
    """Return an API that knows nothing but these sinks."""
    context = ApiContext(
        store=None,
        backfill=None,
        metrics=Metrics(version="1"),
        controls={},
        origin=None,
        sources=[],
        routes=[],
        describe_config=dict,
        check_config=lambda _: [],
        take_consent=build_consent(sinks),
    )
    return create_api(context, token=lambda: None, loopback=False, version="1")


async def test_what_is_configured_is_what_the_sink_asks_for():
    """Every key of `handshake` and `outcomes` arrives."""
    async with build_sinks(
        configured(), egress=Egress(), metrics=Metrics(version="0")
    ) as [hook, _]:
        outcomes, asked = hook._classifier._outcomes, hook._handshake._settings

    assert outcomes._words == {409: "success", 404: "retry", 5: "retry", 410: "pause"}
    assert outcomes._error_attempts == 3
    assert asked == HandshakeConfig(
        mode="require",
        origin="bridge.example.com",
        rate=600,
        callback="https://api.example.com",
        ttl="1h",
    )


async def test_a_receiver_agrees_by_our_api():
    """It calls the URL that it was told, on our API, and gets its event."""
    async with (
        Receiver(answer(202), answer()) as receiver,
        build_sinks(
            configured(receiver.url), egress=Egress(), metrics=Metrics(version="0")
        ) as sinks,
    ):
        with pytest.raises(SinkPausedError):
            await sinks[0].send([event()])
        told = receiver.requests[0].headers["webhook-request-callback"]
        transport = httpx.ASGITransport(api_of(sinks))
        async with httpx.AsyncClient(transport=transport) as client:
            answers = [(await client.get(told[:-1])), (await client.post(told))]
        [got] = await sinks[0].send([event()])

    assert [one.status_code for one in answers] == [404, 200]
    assert (got.status, sinks[0].requests_per_minute) == (204, 600)


async def test_a_call_back_resumes_the_deliveries_within_a_second(tmp_path):
    """The event waited in the queue, for the next try would be after a minute."""
    async with (
        open_world(tmp_path / "queue.db") as world,
        Receiver(answer(202), answer()) as receiver,
        build_sinks(
            configured(receiver.url), egress=Egress(), metrics=Metrics(version="0")
        ) as sinks,
    ):
        await world.store("a")
        async with running(world, sinks[0]), asyncio.timeout(8):
            status = world.health.sinks["hook"]
            while status.state != "paused":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            told = receiver.requests[0].headers["webhook-request-callback"]
            assert build_consent(sinks)("hook", told.rpartition("/")[2], {})
            await receiver.wait_requests(2)

    assert [one.method for one in receiver.requests] == ["OPTIONS", "POST"]


async def test_sinks_that_know_no_handshake_take_no_consent():
    """Neither one without a URL nor one that is not there."""
    async with build_sinks(
        configured(), egress=Egress(), metrics=Metrics(version="0")
    ) as sinks:
        consent = build_consent(sinks)

        assert not consent("out", "", {})
        assert not consent("nobody", "", {})


async def test_a_handshake_that_is_off_is_none():
    """Whatever else stands beside it."""
    text = "sinks: [{name: a, url: 'http://h', handshake: {origin: a.b}}]"
    async with build_sinks(
        parse_config(text, name="b", env={}),
        egress=Egress(),
        metrics=Metrics(version="0"),
    ) as [sink]:
        assert sink._handshake is None
