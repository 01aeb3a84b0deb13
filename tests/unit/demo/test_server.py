"""The demo's API server as the process that runs it sees it."""

import asyncio
import stat

import aiohttp
import pytest
import yaml

from bridge.demo.apiserver import ApiServer
from bridge.demo.apiserver.status import StatusError

ABOUT = {"involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"}}


def value(name: str, **fields) -> dict:
    """Return an Event."""
    return {"metadata": {"name": name}, **ABOUT, **fields}


def test_objects_can_be_handled_without_http():
    """What the process does shows in the same history."""
    server = ApiServer()

    created = server.create("events", "default", value("one", count=1))
    server.patch("events", "default", "one", {"count": 2})
    read = server.get("events.events.k8s.io", "default", "one")
    server.delete("events", "default", "one")

    assert (created["kind"], read["deprecatedCount"]) == ("Event", 2)
    changes = [record.change for record in server.history("events")]
    assert changes == ["ADDED", "MODIFIED", "DELETED"]
    counts = [record.object["count"] for record in server.history("events")]
    assert counts == [1, 2, 2]


def test_objects_are_refused_without_http_too():
    """The refusal is an exception with the code of the answer."""
    server = ApiServer()

    with pytest.raises(StatusError, match='pods "one" not found') as refused:
        server.get("pods", "default", "one")

    assert refused.value.code == 404


def test_unknown_resources_are_named_with_the_known_ones():
    """A typing error is the caller's."""
    with pytest.raises(LookupError, match=r"one of namespaces, .*, got 'cats'"):
        ApiServer().history("cats")


def test_the_history_outlives_compaction():
    """It is the API server's own record of what happened."""
    server = ApiServer()
    for name in ("one", "two"):
        server.create("events", "default", value(name))

    edge = server.compact()

    assert edge == server.storage.revision
    assert len(server.history("events")) == 2


def test_custom_resources_are_gone_after_a_rollback():
    """What is served follows the definitions that are there."""
    server = ApiServer()
    then = server.storage.revision
    names = {"plural": "widgets", "kind": "Widget"}
    versions = [{"name": "v1", "served": True}]
    spec = {"group": "a.b", "scope": "Cluster", "names": names, "versions": versions}
    definition = {"metadata": {"name": "widgets.a.b"}, "spec": spec}
    server.create("customresourcedefinitions", "", definition)
    server.create("widgets", "", {"metadata": {"name": "one"}})

    server.rollback(then)

    with pytest.raises(LookupError):
        server.get("widgets.a.b", "", "one")


async def test_a_rollback_ends_the_watches():
    """A server whose store was restored has to be restarted."""
    async with (
        ApiServer() as server,
        aiohttp.ClientSession(server.url) as http,
        http.get("/api/v1/events", params={"watch": "1"}) as response,
    ):
        server.rollback(server.storage.revision)

        assert await response.read() == b""


async def test_the_kubeconfig_leads_to_the_server(tmp_path):
    """It holds address and token, and only its owner can read it."""
    path = tmp_path / "kubeconfig"

    async with ApiServer(token="secret") as server:
        server.kubeconfig(path)

    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"] == {"server": server.url}
    assert config["users"][0]["user"] == {"token": "secret"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_without_a_token_everybody_is_let_in():
    """The kubeconfig of an open server has no token."""
    async with ApiServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await http.get("/api/v1/events")

    assert answer.status == 200


async def test_requests_are_recorded():
    """Verb, path and query of each request that was let in."""
    async with ApiServer() as server, aiohttp.ClientSession(server.url) as http:
        await http.get("/api/v1/events", params={"limit": "1"})
        await http.get("/version")

        seen = [(each.verb, each.path) for each in server.requests]
        assert seen == [("list", "/api/v1/events"), ("get", "/version")]
        assert server.requests[0].query == {"limit": "1"}


async def test_leaving_ends_open_watches():
    """Nobody is kept waiting by a server that stops."""
    async with ApiServer() as server:
        http = aiohttp.ClientSession(server.url)
        response = await http.get("/api/v1/events", params={"watch": "1"})

    assert await response.read() == b""
    await http.close()


async def test_a_long_watch_comes_in_parts():
    """Initial events and changes are written a few hundred at a time."""
    async with ApiServer() as server, aiohttp.ClientSession(server.url) as http:
        for number in range(1200):
            server.create("events", "default", value(f"{number:04}"))
        start = str(server.history("events")[0].revision - 1)
        for query in ({}, {"resourceVersion": start}):
            params = {"watch": "1"} | query
            async with http.get("/api/v1/events", params=params) as response:
                lines = [await response.content.readline() for _ in range(1200)]

            assert b'"name":"1199"' in lines[-1]


async def test_a_selecting_watch_reads_on_to_what_it_selects():
    """Many changes that are not selected do not stop it halfway."""
    async with ApiServer() as server, aiohttp.ClientSession(server.url) as http:
        start = str(server.storage.revision)
        for number in range(1200):
            server.create("events", "default", value(f"{number:04}"))
        query = {"watch": "1", "resourceVersion": start}

        query["fieldSelector"] = "metadata.name=1199"
        async with http.get("/api/v1/events", params=query) as response:
            async with asyncio.timeout(5):
                line = await response.content.readline()

        assert b'"name":"1199"' in line
