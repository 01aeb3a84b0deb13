"""The API server is no sink, wherever its name leads to."""

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from bridge.errors import SinkPausedError
from bridge.sinks.transports import egress as module
from bridge.sinks.transports.egress import DeniedAddressError, Egress, api_server_denied
from tests.unit.sinks.building import build_sink
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.samples import event


def sink(receiver, egress):
    """Build a sink that leads to a receiver."""
    return build_sink(receiver.url, concurrency=1, egress=egress)


async def test_sink_that_leads_to_the_api_server_is_paused():
    """By another name, too; other ports of its machine are reached."""
    egress = Egress()
    async with Receiver() as server, Receiver() as hook:
        bad, good = sink(server, egress), sink(hook, egress)
        async with api_server_denied(egress, f"https://localhost:{server.port}"):
            with pytest.raises(SinkPausedError, match="the API server"):
                await bad.send([event()])
            await good.send([event()])
        await bad.aclose()
        await good.aclose()

    assert (server.connections, hook.connections) == (0, 1)


class Names:
    """A name server that says what a test wants, and then nothing."""

    def __init__(self, monkeypatch, *addresses):
        self._answers = list(addresses)
        self.silent = asyncio.Event()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self._resolve)
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)

    async def _resolve(self, host, port, **settings):
        if self._answers:
            address = self._answers.pop(0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        self.silent.set()
        raise socket.gaierror(-2, "nothing known")


async def test_addresses_are_those_of_the_last_answer(monkeypatch):
    """Managed API servers change theirs; without an answer the last ones stay."""
    names = Names(monkeypatch, "10.0.0.1", "10.0.0.2")
    egress = Egress()

    with capture_logs() as logs:
        async with api_server_denied(egress, "https://api.example"):
            await names.silent.wait()
            await asyncio.sleep(0.02)

    egress.check("10.0.0.1", 443)
    with pytest.raises(DeniedAddressError, match="the API server"):
        egress.check("10.0.0.2", 443)
    assert logs[0]["server"] == "https://api.example"


async def test_start_goes_on_without_the_address_of_the_api_server(monkeypatch):
    """Reading will say so better; a sink by the same name has no address either."""
    Names(monkeypatch)
    egress = Egress()

    with capture_logs() as logs:
        async with api_server_denied(egress, "https://api.example"):
            egress.check("10.0.0.1", 443)

    assert logs[0]["error"] == "[Errno -2] nothing known"
