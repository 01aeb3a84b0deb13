"""A namespace that is deleted takes all with it, if there are controllers."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.demo.apiserver import ApiServer
from tests.contract.client import Client, gist
from tests.contract.conftest import BOTH, Server, demo_server, real_server
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.controllers import CONTROLLERS


@pytest.fixture(scope="module")
def working_control_plane(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """Run a real control plane with controllers: it is one that empties namespaces."""
    binaries = find_binaries(*CONTROLLERS)
    if isinstance(binaries, str):
        pytest.skip(binaries)
    folder = tmp_path_factory.mktemp("namespaces")
    with ControlPlane(folder=folder, binaries=binaries, nodes=1) as plane:
        yield plane


@pytest.fixture(params=BOTH)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Run each of the two API servers."""
    if request.param == "kube-apiserver":
        yield real_server(request.getfixturevalue("working_control_plane"))
        return
    async with ApiServer(token="admin") as demo:
        yield demo_server(demo)


async def test_a_deleted_namespace_takes_all_with_it(api: Client):
    """Each object in it is deleted, then the namespace."""
    created = await api.event("one")
    await api.create("v1/configmaps", {"metadata": {"name": "two"}})
    start = created["metadata"]["resourceVersion"]
    itself = f"/api/v1/namespaces/{api.namespace}"

    async with api.watch(resourceVersion=start) as stream:
        deleted = await api.call("DELETE", itself)
        seen = await stream.next()
    await api.call_until(404, "GET", itself)
    other = await api.call("GET", api.path("v1/configmaps", "two"))

    assert (deleted.status, gist([seen])) == (200, [("DELETED", "one")])
    assert other.status == 404
