"""Events expire: the API server deletes them without being told."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.demo.apiserver import ApiServer
from tests.contract.client import Client, gist, revision_of
from tests.contract.conftest import BOTH, Server, demo_server, real_server
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane


@pytest.fixture(scope="module")
def forgetful_control_plane(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """Run a real control plane whose Events live as short as a lease can be shared."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    folder = tmp_path_factory.mktemp("expiry")
    with ControlPlane(folder=folder, binaries=binaries, event_ttl="20s") as plane:
        yield plane


@pytest.fixture(params=BOTH)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Run each of the two API servers, with Events that soon expire."""
    if request.param == "kube-apiserver":
        yield real_server(request.getfixturevalue("forgetful_control_plane"))
        return
    async with ApiServer(token="admin", event_ttl_seconds=1.0) as demo:
        yield demo_server(demo)


async def test_events_expire(api: Client):
    """A watch sees DELETED with the last state; who expires together shares a version.

    Events that are written shortly after one another hang on one lease, and a lease is
    revoked in one revision.
    """
    names = [f"{number}" for number in range(10)]
    await api.events(*names)
    last = await api.patch("9", {"count": 2})

    async with api.watch(resourceVersion=revision_of(last)) as stream:
        deleted = await stream.take(len(names))
    gone = await api.call("GET", api.path("v1/events", "9"))

    assert sorted(gist(deleted)) == [("DELETED", name) for name in names]
    revisions = [revision_of(line["object"]) for line in deleted]
    assert len(set(revisions)) < len(names)
    assert min(revisions) > revision_of(last)
    assert 2 in {line["object"].get("count") for line in deleted}
    assert gone.status == 404
