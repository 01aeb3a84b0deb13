"""Whom a row of the table meets: receivers that misbehave, and places without one."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from typing import Any

from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.egress import Egress
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import (
    Behaviour,
    Connection,
    Place,
    Receiver,
    Request,
    answer,
    deaf_port,
    refuse_stranger,
)

TRUST = TlsConfig(ca=CERTIFICATES / "ca.pem")


@dataclass(frozen=True)
class Peer:
    """Where a sink leads to.

    Attributes:
        url: The sink's.
        settings: Further arguments of the sink.
    """

    url: str
    settings: Mapping[str, Any] = field(default_factory=dict)


Meet = Callable[[], AbstractAsyncContextManager[Peer]]
"""Makes the peer of one sink."""


def behaving(*script: Behaviour, at: Place = "request") -> Meet:
    """Meet a receiver on a real socket."""

    @asynccontextmanager
    async def meet() -> AsyncIterator[Peer]:
        async with Receiver(*script, at=at) as receiver:
            yield Peer(receiver.url)

    return meet


def resting(status: int, seconds: int) -> Behaviour:
    """Say at what time to come back."""

    async def behave(connection: Connection, request: Request) -> None:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        fields = {"Retry-After": format_datetime(until, usegmt=True)}
        await answer(status, b"why", fields)(connection, request)

    return behave


def secure(name: str = "server", *, trust: TlsConfig = TRUST) -> Meet:
    """Meet a receiver that speaks TLS, with the certificate of that name."""

    @asynccontextmanager
    async def meet() -> AsyncIterator[Peer]:
        async with Receiver(tls=_server_tls(name)) as receiver:
            yield Peer(receiver.url, {"tls": trust})

    return meet


def _server_tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


@asynccontextmanager
async def stranger() -> AsyncIterator[Peer]:
    """Meet a receiver that wants a certificate of us, and there is none."""
    tls = _server_tls("server")
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(CERTIFICATES / "ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/hook"
        async with asyncio.TaskGroup() as tasks:
            refusal = asyncio.to_thread(refuse_stranger, listener, tls)
            tasks.create_task(refusal, name="refuse")
            yield Peer(url, {"tls": TRUST})


@asynccontextmanager
async def plain_where_tls_is_expected() -> AsyncIterator[Peer]:
    """Meet a receiver that knows nothing of TLS."""
    refusal = answer(400, b"speak up", then="close")
    async with Receiver(refusal, at="connect") as receiver:
        yield Peer(receiver.url.replace("http", "https"), {"tls": TRUST})


@asynccontextmanager
async def nobody() -> AsyncIterator[Peer]:
    """Meet a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield Peer(f"http://127.0.0.1:{free.getsockname()[1]}/")


@asynccontextmanager
async def deaf() -> AsyncIterator[Peer]:
    """Meet a machine that lets connections hang."""
    with deaf_port() as port:
        yield Peer(f"http://127.0.0.1:{port}/", {"timeout_seconds": 0.3})


@asynccontextmanager
async def nowhere() -> AsyncIterator[Peer]:
    """Meet a name without an address (RFC 6761, 6.4)."""
    yield Peer("http://nowhere.invalid/")


@asynccontextmanager
async def metadata() -> AsyncIterator[Peer]:
    """Meet what clouds keep at a link-local address."""
    yield Peer("http://169.254.169.254/latest")


@asynccontextmanager
async def denied_name() -> AsyncIterator[Peer]:
    """Meet a name whose addresses are denied, though somebody listens there."""
    egress = Egress(deny=[ip_network("127.0.0.0/8"), ip_network("::1")])
    async with Receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        yield Peer(url, {"egress": egress})
        assert not receiver.connections


@asynccontextmanager
async def no_secret() -> AsyncIterator[Peer]:
    """Meet a receiver for which a secret is missing here."""
    async with Receiver() as receiver:
        trust = TlsConfig(ca=CERTIFICATES / "absent.pem")
        url = receiver.url.replace("http", "https")
        yield Peer(url, {"tls": trust})


unknown_authority = secure(trust=TlsConfig())
expired = secure("expired")
elsewhere = secure("elsewhere")
