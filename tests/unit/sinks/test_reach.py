"""A sink is connected to, and nothing is sent (issue 10, item 14)."""

import asyncio
from pathlib import Path

import pytest
from yarl import URL

from bridge.sinks.http.reach import reach
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.egress import Egress

CERTIFICATES = Path(__file__).parent / "certificates"


async def reached(url, *, proxy=None, ca=None, environ=None):
    """Return what there is to say of a sink."""
    return await reach(
        URL(url),
        tls=TlsContext(TlsConfig(ca=ca)),
        proxy=proxy,
        environ=environ or {},
        egress=Egress(),
        timeout_seconds=5.0,
    )


@pytest.fixture
async def listener():
    """Return what opens ports, and what came to them."""
    opened, heard = [], asyncio.Queue()

    async def take(reader, writer):
        heard.put_nowait(await reader.read())
        writer.close()

    async def listen(tls=None):
        server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
        opened.append(server)
        return server.sockets[0].getsockname()[1]

    yield listen, heard
    for server in opened:
        server.close()
        await server.wait_closed()


async def test_a_sink_is_connected_to_and_hears_nothing(listener):
    """Not a byte, so that nobody takes it for an event (item 14)."""
    listen, heard = listener
    port = await listen()

    found = await reached(f"http://127.0.0.1:{port}/hook")

    assert (found, await heard.get()) == (("", ""), b"")


async def test_a_certificate_is_looked_at(listener, server_tls):
    """One of an unknown authority is a problem (item 14)."""
    listen, _ = listener
    port = await listen(server_tls())

    _, refused = await reached(f"https://localhost:{port}")
    known = await reached(f"https://localhost:{port}", ca=CERTIFICATES / "ca.pem")

    assert "certificate" in refused
    assert known == ("", "")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://no-such-host.invalid", "no-such-host.invalid"),
        ("http://127.0.0.1:1", "cannot connect"),
        ("http://169.254.169.254", "denied"),
    ],
)
async def test_what_stands_in_the_way_is_said(url, problem):
    """A name without an address, a closed port, an address that is denied (14)."""
    found = await reached(url)

    assert problem in found[1]


async def test_files_of_tls_that_cannot_be_used_are_said():
    """As a delivery would say it (item 14)."""
    _, problem = await reached("https://localhost:1", ca=Path("/nowhere.pem"))

    assert "/nowhere.pem" in problem


async def test_a_proxy_is_connected_to_instead(listener):
    """That one is named; what lies behind it only it knows (item 14)."""
    listen, heard = listener
    proxy = f"http://127.0.0.1:{await listen()}"

    found = await reached("https://no-such-host.invalid", proxy=f"{proxy}/x")

    assert (found, await heard.get()) == ((proxy, ""), b"")


async def test_a_proxy_that_is_none_is_said():
    """The variable that names it is to be mended (item 14)."""
    found = await reached("http://h", environ={"HTTP_PROXY": "ftp://proxy"})

    assert found[0] == ""
    assert "ftp" in found[1]
