"""A real control plane that may be broken, proxies before it, and the demo's server.

Tests run one after the other, so that each may compact, restart and restore the one
control plane: a reader begins at a version that it has just asked for.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector import retry as patience
from bridge.cluster.reflector import watcher as stream
from bridge.demo.apiserver import ApiServer
from tests.contract.client import Client, bearer
from tests.contract.conftest import real_server
from tests.controlplane.access import ADMIN, write_kubeconfig
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.faultproxy.http import HttpProxy
from tests.faultproxy.tcp import TcpProxy


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Run a control plane."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    folder = tmp_path_factory.mktemp("checklist")
    with ControlPlane(folder=folder, binaries=binaries) as plane:
        yield plane


@pytest.fixture
async def shop(plane: ControlPlane) -> AsyncIterator[Client]:
    """Return a writer with a namespace of its own on the real API server."""
    server = real_server(plane)
    connector = aiohttp.TCPConnector(ssl=server.ssl)
    async with aiohttp.ClientSession(server.url, connector=connector) as http:
        client = Client(
            http=http,
            compact=server.compact,
            namespace=f"shop-{uuid4().hex[:8]}",
            authorization=bearer(server.token),
        )
        namespace = {"metadata": {"name": client.namespace}}
        await client.call("POST", "/api/v1/namespaces", namespace)
        yield client


@pytest.fixture
async def client(plane: ControlPlane) -> AsyncIterator[ClusterClient]:
    """Return the bridge's client of the real API server."""
    path = plane.apiserver.kubeconfig()
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        yield client


def kubeconfig_of(plane: ControlPlane, *, url: str) -> Path:
    """Write a kubeconfig that leads to the API server by way of a proxy."""
    path = plane.folder / "proxy.kubeconfig"
    ca, token = plane.apiserver.certificate_authority, plane.apiserver.token()
    write_kubeconfig(path, url=url, certificate_authority=ca, user=ADMIN, token=token)
    return path


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[HttpProxy]:
    """Run a proxy that counts requests, and answers them itself if told to."""
    server = plane.apiserver
    with HttpProxy(
        server.port,
        certificate=server.certificate_authority,
        key=server.signing_key,
        trusted=server.certificate_authority,
    ) as proxy:
        yield proxy


@pytest.fixture
async def proxied(
    plane: ControlPlane, proxy: HttpProxy
) -> AsyncIterator[ClusterClient]:
    """Return the bridge's client of the real API server behind that proxy."""
    path = kubeconfig_of(plane, url=proxy.url)
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        yield client


@pytest.fixture
def wire(plane: ControlPlane) -> Iterator[TcpProxy]:
    """Run a proxy that is a bad network."""
    with TcpProxy(plane.apiserver.port) as wire:
        yield wire


@pytest.fixture
async def wired(plane: ControlPlane, wire: TcpProxy) -> AsyncIterator[ClusterClient]:
    """Return the bridge's client of the real API server behind that network."""
    path = kubeconfig_of(plane, url=wire.url)
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        yield client


@pytest.fixture
async def demo() -> AsyncIterator[ApiServer]:
    """Run the demo's API server, whose bookmarks come every 100 ms."""
    async with ApiServer(bookmark_seconds=0.1) as server:
        yield server


@pytest.fixture
async def demo_client(demo: ApiServer, tmp_path: Path) -> AsyncIterator[ClusterClient]:
    """Return the bridge's client of the demo's API server."""
    path = tmp_path / "demo.kubeconfig"
    demo.kubeconfig(path)
    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        yield client


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait trouble out for 10 ms: where how long is not what is asked."""
    monkeypatch.setattr(patience, "delay_seconds", lambda *_, **__: 0.01)


@pytest.fixture
def short_watches(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what lets the API server end each watch after so many seconds."""

    def shorten(seconds: int) -> None:
        monkeypatch.setattr(stream, "watch_seconds", lambda _: seconds)

    return shorten


class Mounted:
    """A service account's folder, as the kubelet mounts it into a Pod.

    Attributes:
        folder: Holds token, ca.crt and namespace.
    """

    def __init__(self, plane: ControlPlane, folder: Path, namespace: str) -> None:
        self.folder = folder
        self._plane = plane
        plane.apiserver.mount_service_account(folder, namespace, "reader")

    @asynccontextmanager
    async def __call__(self, *, token: str = "") -> AsyncIterator[ClusterClient]:
        """Return a client that found this token when it started; empty: a good one."""
        if token:
            (self.folder / "token").write_text(token)
        environ = self._plane.apiserver.pod_environment()
        async with ClusterClient.open(
            service_account=self.folder, environ=environ
        ) as client:
            yield client


@pytest.fixture
async def mounted(plane: ControlPlane, shop: Client, tmp_path: Path) -> Mounted:
    """Return the folder of a service account that may read Events."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.namespace}"
    core = f"/api/v1/namespaces/{shop.namespace}"
    name = {"metadata": {"name": "reader"}}
    rule = {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "namespace": shop.namespace, "name": "reader"}
    await shop.call("POST", f"{core}/serviceaccounts", name)
    await shop.call("POST", f"{rbac}/roles", name | {"rules": [rule]})
    binding = name | {"roleRef": role, "subjects": [subject]}
    await shop.call("POST", f"{rbac}/rolebindings", binding)
    return Mounted(plane, tmp_path / "mounted", shop.namespace)
