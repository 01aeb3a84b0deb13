"""Sinks and transports that are closed when the test is over."""

import contextlib
import ssl
import time
from pathlib import Path

import pytest
from yarl import URL

from bridge.sinks.http.tls import TlsContext
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.llhttp.transport import LlhttpTransport
from tests.unit.sinks.authorization import granted
from tests.unit.sinks.building import build_sink
from tests.unit.sinks.receiver import Receiver

CERTIFICATES = Path(__file__).parent / "certificates"


@pytest.fixture
async def closing():
    """Whatever is pushed here is closed after the test."""
    async with contextlib.AsyncExitStack() as stack:
        yield stack


@pytest.fixture(params=["aiohttp", "llhttp"])
def engine(request):
    """Both engines behind the same contract, one after the other."""
    return request.param


@pytest.fixture
def make_transport(closing, engine):
    """Build a transport with short limits; keywords change them."""
    kind = {"aiohttp": AiohttpTransport, "llhttp": LlhttpTransport}[engine]

    def make(**changes):
        tls = changes.pop("tls", TlsConfig(ca=CERTIFICATES / "ca.pem"))
        now = changes.pop("now", time.monotonic)
        settings = {
            "url": URL("http://127.0.0.1"),
            "concurrency": 4,
            "timeout_seconds": 5.0,
            "tls": TlsContext(tls, now=now),
            "environ": {},
        }
        transport = kind(**settings | changes)
        closing.push_async_callback(transport.aclose)
        return transport

    return make


@pytest.fixture
def make_ours(closing):
    """Build a transport of ours with one connection; keywords change it."""

    def make(**changes):
        settings = {
            "url": URL("http://127.0.0.1"),
            "concurrency": 1,
            "timeout_seconds": 5.0,
            "tls": TlsContext(TlsConfig(ca=CERTIFICATES / "ca.pem")),
            "environ": {},
        }
        transport = LlhttpTransport(**settings | changes)
        closing.push_async_callback(transport.aclose)
        return transport

    return make


@pytest.fixture
def make_sink(closing, engine):
    """Build a sink with short limits; keywords change them."""

    def make(url, **changes):
        sink = build_sink(url, **{"engine": engine} | changes)
        closing.push_async_callback(sink.aclose)
        return sink

    return make


@pytest.fixture
def server_tls():
    """Build the TLS side of a receiver, with a certificate of that name."""

    def make(name="server", *, client_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{name}.pem")
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(CERTIFICATES / f"{client_ca}.pem")
        return context

    return make


@pytest.fixture
async def tokens():
    """A token endpoint that gives t1 for an hour, then t2."""
    async with Receiver(granted("t1"), granted("t2")) as receiver:
        yield receiver


@pytest.fixture
async def hook():
    """A webhook that takes everything."""
    async with Receiver() as receiver:
        yield receiver
