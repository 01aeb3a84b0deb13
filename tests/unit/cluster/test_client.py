"""Requests to an API server, and what may come of them."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from aiohttp import web

from bridge.cluster import CORE_EVENTS
from bridge.cluster import client as client_module
from bridge.cluster.client import ClusterClient
from bridge.errors import (
    ApiStatusError,
    ForbiddenError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
    UnreadableError,
)
from tests.unit.cluster.server import (
    Answer,
    connected,
    kubeconfig,
    page,
    secure,
    streaming,
)

UID = (
    b'{"kind":"Namespace",'
    b'"metadata":{"name":"kube-system","uid":"f00","resourceVersion":"4"}}'
)


async def test_get_returns_the_body(tmp_path):
    """Path and query arrive as they were given."""
    async with connected(tmp_path, Answer(body=b'{"a":1}')) as (client, server):
        body = await client.get("/apis/x", {"limit": "7"})

        assert client.server == server.url
    assert body == b'{"a":1}'
    assert server.requests[0].path_qs == "/apis/x?limit=7"


async def test_list_page_asks_for_what_was_asked(tmp_path):
    """Empty parameters are not sent; selectors are the server's work."""
    async with connected(tmp_path, page("a", "b", token="next")) as (client, server):
        found = await client.list_page(
            CORE_EVENTS, namespace="shop", limit=2, field_selector="type=Warning"
        )

    assert dict(server.requests[0].query) == {
        "limit": "2",
        "fieldSelector": "type=Warning",
    }
    assert server.requests[0].path == "/api/v1/namespaces/shop/events"
    assert [json.loads(item)["metadata"]["name"] for item in found.items] == ["a", "b"]
    assert (found.resource_version, found.continue_token) == ("9", "next")


async def test_an_empty_list_may_be_null(tmp_path):
    """Go writes a nil slice as null."""
    body = b'{"kind":"EventList","metadata":{"resourceVersion":"9"},"items":null}'
    async with connected(tmp_path, Answer(body=body)) as (client, _):
        found = await client.list_page(CORE_EVENTS)

    assert found.items == []


async def test_a_list_that_is_no_list_is_unreadable(tmp_path):
    """The error names what was done."""
    async with connected(tmp_path, Answer(body=b"[]")) as (client, _):
        with pytest.raises(UnreadableError, match="list events in all namespaces"):
            await client.list_page(CORE_EVENTS)


async def test_a_refusal_is_told_in_the_servers_words(tmp_path):
    """Verb, resource and namespace are in its message."""
    body = json.dumps({"message": 'User "u" cannot list resource "events"'}).encode()
    async with connected(tmp_path, Answer(status=403, body=body)) as (client, _):
        with pytest.raises(ForbiddenError, match='cannot list resource "events"'):
            await client.list_page(CORE_EVENTS, namespace="shop")


async def test_a_throttled_request_says_when_to_come_back(tmp_path):
    """Retry-After is read from the header."""
    throttled = Answer(status=429, headers={"Retry-After": "5"})
    async with connected(tmp_path, throttled) as (client, _):
        with pytest.raises(ThrottledError) as caught:
            await client.get("/version")

    assert caught.value.retry_after_seconds == 5


async def test_an_answer_that_is_not_json_is_unreadable(tmp_path):
    """A login page with status 200 is no list."""
    async with connected(
        tmp_path, Answer(body=b"<html>", content_type="text/html")
    ) as (client, _):
        with pytest.raises(UnreadableError, match="got text/html"):
            await client.get("/version")


async def test_a_refused_connection_is_unreachable(tmp_path):
    """Nobody listens: the error says so, and to whom."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    path = kubeconfig(tmp_path, url=url)
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        with pytest.raises(UnreachableError, match=url) as caught:
            await client.get("/version")

    assert caught.value.phase == "connect"


async def test_a_name_that_does_not_exist_is_unreachable(tmp_path):
    """The phase is dns."""
    path = kubeconfig(tmp_path, url="http://nowhere.invalid")
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        with pytest.raises(UnreachableError) as caught:
            await client.get("/version")

    assert caught.value.phase == "dns"


async def test_a_server_that_hangs_is_given_up(tmp_path, monkeypatch):
    """There is a deadline for every answer."""
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.05)
    forever = streaming(b"{", hold=asyncio.Event())
    async with connected(tmp_path, forever) as (client, _):
        with pytest.raises(UnreachableError, match="no answer in time"):
            await client.get("/version")


async def test_an_answer_that_is_cut_is_unreachable(tmp_path):
    """Half a page is no page."""
    async with connected(tmp_path, streaming(b'{"items":[', cut=True)) as (
        client,
        _,
    ):
        with pytest.raises(UnreachableError, match="the connection was cut"):
            await client.list_page(CORE_EVENTS)


async def test_refused_credentials_are_loaded_again_once(tmp_path):
    """401: the token is read anew and the request repeated."""
    token = tmp_path / "token"
    token.write_text("old\n")

    async def refuse(request):
        token.write_text("new\n")
        return web.json_response({}, status=401)

    settings = secure() | {"user": {"tokenFile": "token"}}
    async with connected(tmp_path, refuse, Answer(), **settings) as (client, server):
        await client.get("/version")

    assert server.tokens == ["Bearer old", "Bearer new"]


async def test_credentials_that_are_refused_again_are_an_error(tmp_path):
    """One repetition, not a loop."""
    async with connected(tmp_path, Answer(status=401)) as (client, server):
        with pytest.raises(UnauthorizedError):
            await client.get("/version")

    assert len(server.requests) == 2


async def test_the_cluster_uid_is_that_of_kube_system(tmp_path):
    """One name that is never deleted while the cluster lives."""
    async with connected(tmp_path, Answer(body=UID)) as (client, server):
        found = await client.cluster_uid()

    assert (found.uid, found.derived) == ("f00", False)
    assert server.requests[0].path == "/api/v1/namespaces/kube-system"


async def test_where_kube_system_is_refused_a_hash_stands_in(tmp_path):
    """It depends on server and CA only, and says that it is derived."""
    async with connected(tmp_path, Answer(status=403)) as (client, _):
        first, second = await client.cluster_uid(), await client.cluster_uid()

    assert first == second
    assert first.derived
    assert len(first.uid) == 32


async def test_without_kube_system_a_hash_stands_in(tmp_path):
    """Not every API server has namespaces (issue 10, item 11)."""
    async with connected(tmp_path, Answer(status=404)) as (client, _):
        found = await client.cluster_uid()

    assert (len(found.uid), found.derived, found.reason) == (32, True, "absent")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"kind":"Namespace"}',
        b'{"kind":"Namespace","metadata":{"uid":"","resourceVersion":"4"}}',
        b'{"kind":"Status","metadata":{"uid":"x","resourceVersion":"4"}}',
        b'"x"',
        b"nothing",
    ],
)
async def test_a_namespace_that_is_none_is_unreadable(tmp_path, body):
    """Something else than an API server answers there (issue 10, item 9)."""
    async with connected(tmp_path, Answer(body=body)) as (client, _):
        with pytest.raises(UnreadableError, match="kube-system"):
            await client.cluster_uid()


async def test_the_server_version_is_what_it_calls_itself(tmp_path):
    """As in kubectl version."""
    async with connected(tmp_path, Answer(body=b'{"gitVersion":"v1.36.1"}')) as (
        client,
        _,
    ):
        assert await client.server_version() == "v1.36.1"


async def test_a_version_that_is_none_is_unreadable(tmp_path):
    """The error says what was expected."""
    async with connected(tmp_path, Answer()) as (client, _):
        with pytest.raises(UnreadableError, match="gitVersion"):
            await client.server_version()


@pytest.mark.parametrize(
    ("status", "is_heard"), [(200, True), (403, True), (502, False)]
)
async def test_an_answer_of_the_api_server_is_a_sign_of_life(
    tmp_path, status, is_heard
):
    """A proxy that has nobody behind it may answer too (issue 10, item 13)."""
    async with connected(tmp_path, Answer(status=status)) as (client, _):
        before = client.answered_at
        await asyncio.sleep(0)
        with suppress(ApiStatusError):
            await client.get("/version")

        assert (client.answered_at > before) == is_heard


async def test_each_part_of_a_watch_is_a_sign_of_life(tmp_path):
    """Bookmarks too (issue 10, item 13)."""
    hold = asyncio.Event()
    slow = streaming(b"{}\n", hold=hold, last=b"{}\n")
    async with (
        connected(tmp_path, slow) as (client, _),
        client.watch(CORE_EVENTS, resource_version="7", timeout_seconds=9) as watch,
    ):
        await watch.read()
        before = client.answered_at
        hold.set()
        await watch.read()

        assert client.answered_at > before
