"""Nothing is read before it is known which cluster it is."""

import pytest
from structlog.testing import capture_logs

from bridge.cluster.client import ClusterUid
from bridge.errors import UnreachableError
from bridge.ingest.scoping import identify, identity_scope
from tests.unit.ingest.fakes import FakeApi
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

ONE, OTHER = (ClusterUid(uid=uid, derived=False) for uid in ("one", "other"))


async def identified(api: FakeApi, said: list[str], *, name: str | None = None) -> str:
    """Return what the cluster is called, whose name stood for cluster `one`."""
    queue = MemoryQueue(positions={identity_scope("prod"): "one"})
    return await identify(
        api,  # type: ignore[arg-type]
        queue=queue,  # type: ignore[arg-type]
        name=name,
        report=said.append,
    )


async def test_cluster_is_asked_until_it_answers() -> None:
    """Meanwhile it is reported what is waited for."""
    said: list[str] = []
    api = FakeApi(uids=[UnreachableError("refused", phase="connect"), ONE])

    uid = await identified(api, said)

    assert uid == "one"
    assert said == ["refused"]


async def test_other_cluster_behind_a_name_is_waited_out() -> None:
    """Until an operator resets it, or the right one is back."""
    said: list[str] = []

    uid = await identified(FakeApi(uids=[OTHER, ONE]), said, name="prod")

    assert uid == "one"
    assert "expected prod to be the cluster with uid one" in said[0]


async def test_cluster_without_a_name_may_be_any() -> None:
    """Scopes begin with its uid."""
    assert await identified(FakeApi(uids=[OTHER]), []) == "other"


async def test_derived_identity_is_warned_about() -> None:
    """Another CA will look like another cluster."""
    api = FakeApi(uids=[ClusterUid(uid="hash", derived=True)])

    with capture_logs() as logs:
        uid = await identified(api, [])

    assert (uid, logs[0]["log_level"]) == ("hash", "warning")


async def test_cluster_without_kube_system_is_known_by_its_url() -> None:
    """It is warned about as where the namespace is refused (issue 10, item 11)."""
    absent = ClusterUid(uid="hash", derived=True, reason="absent")
    said: list[str] = []

    with capture_logs() as logs:
        uid = await identified(FakeApi(uids=[absent] * 50), said)

    assert (uid, logs[-1]["log_level"]) == ("hash", "warning")
    assert logs[-1]["reason"] == "there is no namespace kube-system"
    assert "404" in said[0]


async def test_kube_system_that_is_not_there_yet_is_waited_for() -> None:
    """A new API server makes it within seconds: never two names for one cluster."""
    absent = ClusterUid(uid="hash", derived=True, reason="absent")

    assert await identified(FakeApi(uids=[absent, ONE]), []) == "one"
