"""C: a dead peer is noticed, credentials rotate, and nothing waits for ever."""

import asyncio
import json
import re
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from bridge.cluster import CORE_EVENTS
from bridge.cluster import requests as exchange
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector import watcher as stream
from bridge.cluster.requests import LineSplitter
from bridge.cluster.session import sockets as transport
from bridge.errors import CredentialsError, UnreachableError
from tests.checklist.conftest import kubeconfig_of
from tests.checklist.deafness import deafen, sockets_to
from tests.checklist.reading import reading
from tests.contract.client import revision_of
from tests.contract.samples import event
from tests.faultproxy.faults import Hold
from tests.unit.cluster.server import connected, streaming

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIGMAPS = BUILTIN["", "ConfigMap"]
WANTED = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 60_000,
}


async def test_c1_each_socket_asks_whether_its_peer_lives(wire, wired, shop):
    """After 30 s of silence, every 10 s, three times; 60 s for what was sent."""
    async with reading(wired, namespace=shop.namespace) as seen:
        await seen.until_open()
        found = [
            {name: each.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))}
            for each in sockets_to(wire.port)
            for name in WANTED
            if each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        ]

    assert len(found) >= len(WANTED)
    assert all(one.items() <= WANTED.items() for one in found)


async def test_c1_a_peer_that_is_gone_is_noticed(wire, wired, shop, monkeypatch):
    """Its packets are dropped; the timers are a thirtieth of ours."""
    short = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_USER_TIMEOUT": 2_000}
    options = [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in short.items()
    ]
    keepalive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    monkeypatch.setattr(transport, "_SOCKET_OPTIONS", (keepalive, *options))
    async with reading(wired, namespace=shop.namespace) as seen:
        await seen.until_open()
        for each in sockets_to(wire.port):
            deafen(each)
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert seen.counts["reconnect-error"] == 1
    assert (seen.versions, seen.gaps) == ([created], [])


async def test_c2_a_connection_that_is_never_accepted_is_given_up(plane, monkeypatch):
    """The kernel would try for minutes; we do for `CONNECT_SECONDS`."""
    assert transport.CONNECT_SECONDS == 10
    monkeypatch.setattr(exchange, "CONNECT_SECONDS", 0.5)
    with socket.socket() as deaf, socket.socket() as one, socket.socket() as two:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for each in (one, two):  # one more than fits: the next is not answered at all
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        path = kubeconfig_of(plane, url=f"https://127.0.0.1:{deaf.getsockname()[1]}")
        async with ClusterClient.open(kubeconfig=path, environ={}) as client:
            with pytest.raises(UnreachableError) as caught:
                await client.get("/version")

    assert caught.value.phase == "connect"


async def test_c2_headers_may_come_late(proxied, proxy, shop):
    """A proxy that holds them back is neither silent nor an empty watch."""
    proxy.fault(Hold(seconds=3), kinds=["watch"], times=1)
    async with reading(proxied, namespace=shop.namespace) as seen:
        await seen.until_open()
        created = revision_of(await shop.event("a"))
        await seen.until_version(created)

    assert (seen.errors, dict(seen.counts)) == ([], {})
    assert proxy.count()["watch"] == 1


@pytest.mark.usefixtures("impatient")
async def test_c3_a_silent_watch_of_a_cached_kind_is_given_up(
    wire, wired, shop, monkeypatch
):
    """Bookmarks would come; when the network swallows them it is opened anew."""
    assert stream.SILENCE_SECONDS == 150
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 1.0)
    async with reading(wired, CONFIGMAPS, namespace=shop.namespace) as seen:
        await seen.until_open()
        wire.blackhole()
        await seen.until(lambda: seen.counts["reconnect-silent"])
        wire.heal()
        made = await shop.create("v1/configmaps", {"metadata": {"name": "a"}})
        await seen.until_version(revision_of(made))


async def test_c3_silence_of_events_is_normal(client, shop, monkeypatch):
    """They have no bookmarks: nothing is opened anew because nothing comes."""
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 0.5)
    async with reading(client, namespace=shop.namespace) as seen:
        await seen.until_open()
        await asyncio.sleep(2)

    assert (seen.errors, dict(seen.counts)) == ([], {})


async def test_c3_bookmarks_are_a_sign_of_life(demo, demo_client, monkeypatch):
    """A quiet watch that gets them lives on. A real server's come once a minute."""
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 1.0)
    async with reading(demo_client, CONFIGMAPS, namespace="default") as seen:
        await seen.until_open()
        await asyncio.sleep(2)

    assert len(seen.items) > 10
    assert (seen.errors, dict(seen.counts)) == ([], {})


async def test_c4_a_token_that_was_replaced_is_read_again(plane, shop, mounted):
    """401, one look at the file, the same request again: nobody notices."""
    async with mounted(token="stale\n") as client:
        plane.apiserver.mount_service_account(mounted.folder, shop.namespace, "reader")
        async with reading(client, namespace=shop.namespace) as seen:
            await seen.until_open()

    assert seen.errors == []


@pytest.mark.usefixtures("impatient")
async def test_c4_a_token_that_cannot_be_read_is_waited_for(plane, shop, mounted):
    """The kubelet is just replacing it."""
    async with mounted(token="stale") as client:
        mounted.folder.joinpath("token").write_text(" \n")
        async with reading(client, namespace=shop.namespace) as seen:
            await seen.until(lambda: seen.errors)
            plane.apiserver.mount_service_account(
                mounted.folder, shop.namespace, "reader"
            )
            await seen.until_open()

    assert isinstance(seen.errors[0], CredentialsError)


async def test_c5_an_exec_plugin_is_run_again(plane, tmp_path):
    """At a 401, and when what it gave is about to expire."""
    runs = tmp_path / "runs"
    path = plugin(plane, tmp_path, tokens=("stale", plane.apiserver.token()))
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        await client.get("/api/v1/namespaces")
        assert runs.read_text() == "++"
        await asyncio.sleep(1.1)  # half of the two seconds for which it is good
        await client.get("/api/v1/namespaces")

    assert runs.read_text() == "+++"


def plugin(plane, folder: Path, *, tokens: tuple[str, str]) -> Path:
    """Write a kubeconfig with a plugin: a first token, and what it gives thereafter."""
    for name, token in zip(("first", "next"), tokens, strict=True):
        expires = datetime.now(UTC) + timedelta(seconds=2 if name == "next" else 3600)
        status = {
            "token": token,
            "expirationTimestamp": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": status,
        }
        folder.joinpath(name).write_text(json.dumps(credential))
    script = folder / "plugin"
    script.write_text(
        f"#!/bin/sh\ncd {folder}\n[ -e runs ] && f=next || f=first\n"
        "printf + >> runs\ncat $f\n"
    )
    script.chmod(0o700)
    document = yaml.safe_load(plane.apiserver.kubeconfig().read_text())
    document["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(script),
            "interactiveMode": "Never",
        }
    }
    path = folder / "exec.kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


async def test_c6_a_new_authority_is_trusted_without_a_restart(plane, client, shop):
    """The API server comes back with another certificate; the file has it too."""
    before = plane.apiserver.certificate_authority.read_bytes()
    async with reading(client, namespace=shop.namespace) as seen:
        await seen.until_open()
        plane.apiserver.stop(kill=True)
        plane.apiserver.certificate_authority.unlink()
        plane.apiserver.signing_key.unlink()
        await asyncio.to_thread(plane.apiserver.start)
        created = plane.apiserver.request(
            "POST", shop.path(), event(shop.namespace, "after")
        )
        await seen.until_version(revision_of(created))

    assert plane.apiserver.certificate_authority.read_bytes() != before


async def test_c7_many_watches_leave_room_for_other_requests(client, shop):
    """120 watches are open, and a list is answered all the same."""
    how = {"namespace": shop.namespace, "resource_version": "", "timeout_seconds": 600}
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        for _ in range(120):
            await stack.enter_async_context(client.watch(CORE_EVENTS, **how))
        page = await client.list_page(CORE_EVENTS, namespace=shop.namespace)

    assert page.items == []


async def test_c8_watches_are_not_compressed(tmp_path):
    """Servers from 1.37 on would send one gzip member after the other."""
    how = {"resource_version": "5", "timeout_seconds": 300}
    async with (
        connected(tmp_path, streaming()) as (client, server),
        client.watch(CORE_EVENTS, **how),
    ):
        pass

    assert server.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("path", ["requirements.txt", "pyproject.toml"])
def test_c8_aiohttp_reads_several_gzip_members(path):
    """Older ones than 3.14 drop all but the first, silently."""
    text = Path(__file__).parents[2].joinpath(path).read_text()

    found = re.search(r"^\W*aiohttp(?:==|>=|~=)(\d+)\.(\d+)", text, re.MULTILINE)

    assert found, path
    assert (int(found[1]), int(found[2])) >= (3, 14)


async def test_c9_a_line_of_six_mebibytes_is_read(client, shop):
    """A million characters, each of which the API server writes as six."""
    text = "<" * 1_000_000
    value = {"metadata": {"name": "big"}, "data": {"text": text, "more": "äöü€😀"}}
    async with reading(client, CONFIGMAPS, namespace=shop.namespace) as seen:
        await seen.until_open()
        made = await shop.create("v1/configmaps", value)
        await seen.until_version(revision_of(made))

    assert len(seen.changes[-1].object) > 6_000_000
    assert json.loads(seen.changes[-1].object) == made


def test_c9_a_line_of_many_chunks_is_joined_once():
    """Each chunk is kept as it came until the line is complete: linear in bytes."""
    splitter, chunk = LineSplitter(), b"x" * 65_536

    for number in range(128):
        assert splitter.feed(chunk) == []
        assert splitter._parts[number] is chunk

    assert splitter.feed(b"\n") == [chunk * 128]


async def test_c10_a_silent_watch_ends_at_once(wire, wired, shop):
    """Cancelling closes the connection, though nothing has come for a while."""
    loop = asyncio.get_running_loop()
    async with reading(wired, namespace=shop.namespace) as seen:
        await seen.until_open()
        assert list(sockets_to(wire.port))
        began = loop.time()

    assert loop.time() - began < 1
    await asyncio.sleep(0)
    assert not list(sockets_to(wire.port))
