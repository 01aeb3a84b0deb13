"""Sockets, TLS and proxies, on real connections."""

import asyncio
import socket

import aiohttp
import pytest

from bridge.cluster.client import ClusterClient
from bridge.cluster.session.credentials import TlsMaterial
from bridge.cluster.session.sockets import open_session, unreachable
from bridge.errors import UnreachableError
from tests.unit.cluster.server import (
    CERTIFICATES,
    Answer,
    connected,
    kubeconfig,
    serve,
    server_tls,
    streaming,
)

TRUST = {"certificate-authority": str(CERTIFICATES / "ca.pem")}


async def test_every_connection_notices_a_dead_peer():
    """Probes after 30 s of silence; 60 s for data that nobody acknowledges."""
    open_ended = streaming(b"x", hold=asyncio.Event())
    async with (
        serve(open_ended) as server,
        open_session(TlsMaterial().context()) as session,
        session.get(server.url) as response,
    ):
        one = response.connection.transport.get_extra_info("socket")
        options = [
            one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        ]

    assert options == [1, 30, 10, 3, 60_000]


async def test_a_known_authority_is_spoken_to(tmp_path):
    """TLS with the CA of the kubeconfig."""
    async with connected(tmp_path, Answer(), tls=server_tls(), cluster=TRUST) as (
        client,
        _,
    ):
        assert await client.get("/version") == b"{}"


async def test_an_unknown_authority_is_not_spoken_to(tmp_path):
    """No request is sent, and no token."""
    async with connected(tmp_path, Answer(), tls=server_tls()) as (client, server):
        with pytest.raises(UnreachableError, match="certificate") as caught:
            await client.get("/version")

    assert caught.value.phase == "tls"
    assert server.requests == []


async def test_another_name_is_not_spoken_to(tmp_path):
    """A certificate for elsewhere is not for here."""
    tls = server_tls(name="elsewhere")
    async with connected(tmp_path, Answer(), tls=tls, cluster=TRUST) as (client, _):
        with pytest.raises(UnreachableError, match="certificate"):
            await client.get("/version")


async def test_another_name_may_be_expected(tmp_path):
    """`tls-server-name` says which."""
    tls = server_tls(name="elsewhere")
    trust = TRUST | {"tls-server-name": "elsewhere.invalid"}
    async with connected(tmp_path, Answer(), tls=tls, cluster=trust) as (client, _):
        assert await client.get("/version") == b"{}"


async def test_verification_can_be_switched_off(tmp_path):
    """`insecure-skip-tls-verify`: whoever answers will do."""
    trust = {"insecure-skip-tls-verify": True}
    tls = server_tls(name="expired")
    async with connected(tmp_path, Answer(), tls=tls, cluster=trust) as (client, _):
        assert await client.get("/version") == b"{}"


async def test_a_client_certificate_is_shown(tmp_path):
    """A server that wants one gets it."""
    pem = str(CERTIFICATES / "client.pem")
    user = {"client-certificate": pem, "client-key": pem}
    tls = server_tls(wants_client=True)
    async with connected(tmp_path, Answer(), tls=tls, cluster=TRUST, user=user) as (
        client,
        _,
    ):
        assert await client.get("/version") == b"{}"


async def test_a_replaced_authority_is_found_by_itself(tmp_path):
    """When verification fails the CA is read again, once."""
    authority = tmp_path / "ca.crt"
    authority.write_bytes((CERTIFICATES / "elsewhere.pem").read_bytes())
    trust = {"certificate-authority": "ca.crt"}
    async with connected(tmp_path, Answer(), tls=server_tls(), cluster=trust) as (
        client,
        _,
    ):
        authority.write_bytes((CERTIFICATES / "ca.pem").read_bytes())

        assert await client.get("/version") == b"{}"


async def test_the_proxy_of_the_kubeconfig_is_used(tmp_path):
    """It gets the whole URL."""
    async with (
        serve(Answer()) as proxy,
        connected(tmp_path, Answer(status=500), cluster={"proxy-url": proxy.url}) as (
            client,
            server,
        ),
    ):
        await client.get("/version")

    assert proxy.requests[0].headers["Host"] in server.url
    assert server.requests == []


async def test_the_proxy_of_the_environment_is_used(tmp_path):
    """HTTP_PROXY and HTTPS_PROXY, less what NO_PROXY says."""
    async with serve(Answer()) as proxy:
        environ = {"http_proxy": proxy.url, "no_proxy": "10.0.0.0/8,elsewhere.invalid"}
        path = kubeconfig(tmp_path, url="http://nowhere.invalid")
        async with ClusterClient.open(kubeconfig=path, environ=environ) as client:
            await client.get("/version")

    assert proxy.requests[0].headers["Host"] == "nowhere.invalid"


async def test_a_proxy_that_refuses_is_named_as_such(tmp_path):
    """By its status; its URL may hold a password."""
    async with serve(Answer(status=407)) as proxy:
        settings = {"proxy-url": proxy.url.replace("//", "//u:hush@")}
        path = kubeconfig(tmp_path, url="https://nowhere.invalid", cluster=settings)
        async with ClusterClient.open(kubeconfig=path, environ={}) as client:
            with pytest.raises(UnreachableError, match="proxy answered 407") as caught:
                await client.get("/version")

    assert caught.value.phase == "connect"
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "phase", "text"),
    [
        (aiohttp.ConnectionTimeoutError("x"), "connect", "no answer in time"),
        (aiohttp.ServerDisconnectedError(), "answer", "Server disconnected"),
        (TimeoutError(), "answer", "no answer in time"),
        (OSError(), "answer", "OSError"),
        (aiohttp.ClientPayloadError(), "answer", "the connection was cut"),
    ],
)
def test_a_failure_says_where_it_happened(error, phase, text):
    """Where the error itself knows better than the caller, it is believed."""
    found = unreachable(error, doing="list events", phase="answer")

    assert (found.phase, str(found)) == (phase, f"list events: {text}")
