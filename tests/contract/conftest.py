"""Every test here runs twice: on the demo's API server and on a real kube-apiserver.

So the demo's cannot drift from the real one. What no test here needs, it lacks.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

import aiohttp
import pytest

from bridge.demo.apiserver import ApiServer
from tests.contract.client import Client, bearer
from tests.controlplane.access import User
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane

BOTH = [
    "demo",
    pytest.param("kube-apiserver", marks=[pytest.mark.e2e, pytest.mark.timeout(300)]),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An API server to be tested."""

    url: str
    ssl: ssl.SSLContext | bool
    token: str
    """Of somebody who may do everything."""
    become_nobody: Callable[[], str]
    """Returns the token of somebody who may do nothing."""
    compact: Callable[[int], Awaitable[None]]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Run a real control plane with a user who may do nothing."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    folder, users = tmp_path_factory.mktemp("contract"), [User(name="nobody")]
    with ControlPlane(folder=folder, binaries=binaries, users=users) as plane:
        yield plane


@pytest.fixture(params=BOTH)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Run each of the two API servers."""
    if request.param == "kube-apiserver":
        yield real_server(request.getfixturevalue("control_plane"))
        return
    async with ApiServer(token="admin", bookmark_seconds=0.2) as demo:
        yield demo_server(demo)


def demo_server(demo: ApiServer) -> Server:
    """Return the demo's API server; who is nobody there, everybody is."""

    async def compact(revision: int) -> None:
        demo.compact(revision)

    def become_nobody() -> str:
        demo.faults.forbid()
        return "admin"

    return Server(
        url=demo.url,
        ssl=False,
        token="admin",
        become_nobody=become_nobody,
        compact=compact,
    )


def real_server(plane: ControlPlane) -> Server:
    """Return a real API server."""

    async def compact(revision: int) -> None:
        await asyncio.to_thread(plane.etcd.compact, revision)

    return Server(
        url=plane.apiserver.url,
        ssl=plane.apiserver.ssl_context(),
        token=plane.apiserver.token(),
        become_nobody=partial(plane.apiserver.token, "nobody"),
        compact=compact,
    )


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    """Return a client with a namespace of its own."""
    connector = aiohttp.TCPConnector(ssl=server.ssl)
    async with aiohttp.ClientSession(server.url, connector=connector) as http:
        client = Client(
            http=http,
            compact=server.compact,
            namespace=f"contract-{uuid4().hex[:8]}",
            authorization=bearer(server.token),
        )
        namespace = {"metadata": {"name": client.namespace}}
        answer = await client.call("POST", "/api/v1/namespaces", namespace)
        assert answer.status == 201, answer.text
        yield client


@pytest.fixture
def stranger(api: Client) -> Client:
    """Return a client whose token nobody knows."""
    return replace(api, authorization=bearer("unknown"))


@pytest.fixture
def nobody(api: Client, server: Server) -> Client:
    """Return a client who is known and may do nothing."""
    return replace(api, authorization=bearer(server.become_nobody()))
