"""What goes through the proxy of a sink."""

import asyncio
import contextlib

import httpx
import pytest

from bridge.sinks.transports.errors import ProxyStatusError
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.ways import post


async def test_plain_request_goes_to_the_proxy_whole(make_transport):
    """A proxy is told the whole URL of a plain sink, and who asks."""
    async with Receiver(answer(202)) as receiver:
        proxy = f"http://me:secret@127.0.0.1:{receiver.port}"
        status, _ = await post(make_transport(proxy=proxy), "http://hook.invalid/a?b")

    request = receiver.requests[0]
    assert (status, request.target) == (202, "http://hook.invalid/a?b")
    assert request.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


async def test_tls_goes_through_a_tunnel(make_transport, server_tls):
    """With a sink on https the proxy sees bytes only."""
    async with Receiver(tls=server_tls()) as receiver, Receiver(tunnel) as proxy:
        transport = make_transport(proxy=f"http://127.0.0.1:{proxy.port}")
        status, _ = await post(transport, receiver.url)

    assert status == 204
    assert proxy.requests[0].method == "CONNECT"
    assert proxy.requests[0].target == f"127.0.0.1:{receiver.port}"


async def tunnel(connection, request):
    """Carry bytes to where CONNECT says, and back."""
    host, _, port = request.target.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await connection.send(b"HTTP/1.1 200 Connected\r\n\r\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pump(connection.reader, writer), name="there")
        tasks.create_task(pump(reader, connection.writer), name="back")
    connection.close()


async def pump(reader, writer):
    """Carry bytes until there are no more."""
    try:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
    finally:
        writer.close()


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_proxy_that_refuses_a_tunnel_says_its_status(status, make_transport):
    """The answer to CONNECT is the proxy's, not the sink's."""
    async with Receiver(answer(status)) as receiver:
        transport = make_transport(proxy=f"http://127.0.0.1:{receiver.port}")
        with pytest.raises(ProxyStatusError, match=str(status)) as caught:
            await post(transport, "https://hook.invalid/a")

    assert caught.value.status == status


async def test_proxy_that_is_away_is_named(make_transport):
    """The proxy's machine is named, not the sink's; its password is not."""
    async with Receiver() as receiver:
        port = receiver.port
    transport = make_transport(proxy=f"http://me:secret@127.0.0.1:{port}")

    with pytest.raises(httpx.ProxyError) as caught:
        await post(transport, "http://hook.invalid/a")

    text = f"cannot connect to proxy 127.0.0.1:{port}: Connection refused"
    assert str(caught.value).startswith(text)
