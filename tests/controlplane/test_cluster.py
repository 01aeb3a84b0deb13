"""The control plane itself: what other tests rely on."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import ControlPlaneError, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def create_event(plane: ControlPlane, name: str) -> dict[str, Any]:
    """Create an Event and return it as stored."""
    event = {
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Tested",
        "type": "Normal",
    }
    path = "/api/v1/namespaces/default/events"
    created: dict[str, Any] = plane.apiserver.request("POST", path, event)
    return created


def revision_of(event: dict[str, Any]) -> int:
    """Return an object's resourceVersion as etcd counts."""
    return int(event["metadata"]["resourceVersion"])


def test_etcd_tells_each_write_of_an_event(fresh_control_plane: ControlPlane) -> None:
    """A create, a patch and a delete are three revisions, two of them the API's."""
    api, path = fresh_control_plane.apiserver, "/api/v1/namespaces/default/events/a"

    created = create_event(fresh_control_plane, "a")
    patched = api.request("PATCH", path, {"count": 2})
    api.request("DELETE", path)

    writes = fresh_control_plane.etcd.writes(since=revision_of(created))
    assert {write.key for write in writes} == {"/registry/events/default/a"}
    assert [write.is_delete for write in writes] == [False, False, True]
    revisions = [write.revision for write in writes]
    assert revisions[:2] == [revision_of(created), revision_of(patched)]
    assert revisions == sorted(revisions)


def test_events_outlive_compaction_and_a_restart(
    fresh_control_plane: ControlPlane,
) -> None:
    """Compaction forgets the history, not the Event; a restart forgets nothing."""
    plane, created = fresh_control_plane, create_event(fresh_control_plane, "a")
    url = plane.apiserver.url
    create_event(plane, "b")  # the revision of a compaction itself is kept

    plane.etcd.compact()
    plane.apiserver.restart(kill=True)

    found = plane.apiserver.request("GET", "/api/v1/namespaces/default/events/a")
    assert (plane.apiserver.url, found) == (url, created)
    with pytest.raises(ControlPlaneError, match="compact"):
        plane.etcd.writes(since=revision_of(created))


def test_restore_gives_out_revisions_again(fresh_control_plane: ControlPlane) -> None:
    """After a rollback what came after the snapshot is gone, and its revision free."""
    plane = fresh_control_plane
    create_event(plane, "kept")
    snapshot = plane.etcd.snapshot()
    lost = create_event(plane, "lost")

    plane.restore(snapshot)

    events = plane.apiserver.request("GET", "/api/v1/events")
    assert [event["metadata"]["name"] for event in events["items"]] == ["kept"]
    assert revision_of(events) < revision_of(lost)


def test_service_account_may_do_nothing_before_a_role_says_so(
    fresh_control_plane: ControlPlane, tmp_path: Path
) -> None:
    """A mounted ServiceAccount's token is known, and refused for want of a Role."""
    api = fresh_control_plane.apiserver
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    api.request("POST", accounts, {"metadata": {"name": "bridge"}})

    api.mount_service_account(tmp_path, "default", "bridge")

    assert (tmp_path / "namespace").read_text() == "default"
    with pytest.raises(httpx.HTTPStatusError, match="403 Forbidden"):
        api.request("GET", "/api/v1/events", token=(tmp_path / "token").read_text())


def test_deployment_runs_on_simulated_nodes(
    control_plane_with_nodes: ControlPlane,
) -> None:
    """Real controllers bring a Deployment's Pods up and write Events about it."""
    kubectl = control_plane_with_nodes.apiserver.kubectl

    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=3")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")

    phases = kubectl("get", "pods", "-o", "jsonpath={.items[*].status.phase}")
    assert phases.split() == ["Running"] * 3
    wait_until(lambda: "ScalingReplicaSet" in kubectl("get", "events"), seconds=30)


def test_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    """A server that ends at once is an error with the last lines it wrote."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    plane = ControlPlane(
        folder=tmp_path, binaries=binaries, apiserver_flags=["--no-such-flag"]
    )

    with pytest.raises(ControlPlaneError, match=r"(?s)ended with 1.*--no-such-flag"):
        plane.__enter__()  # it never gets into the block

    assert not any(server.is_running for server in plane.servers())


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hold what envtest has, but kubectl, which is on PATH."""
    binaries = find_binaries("kubectl")
    if isinstance(binaries, str):
        pytest.skip(binaries)
    for name, folder in (("etcd", "a"), ("kube-apiserver", "a"), ("kubectl", "b")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).symlink_to(binaries[name])
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "a"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'b'}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def said(assets: Path) -> Iterator[str]:
    """Run `make cluster` with these, and give what it says once it is up."""
    kubeconfig = f"--kubeconfig={assets / 'kubeconfig'}"
    command = [sys.executable, "-m", "tests.controlplane.cluster", kubeconfig]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        yield "".join(lines)
        process.terminate()


def test_cluster_says_how_to_run_a_bridge_on_it(said: str, assets: Path) -> None:
    """The line works as it stands there, without controllers too (item 27)."""
    [line] = re.findall(r"^  (\S+/kubebridge run -c .*)$", said, re.MULTILINE)
    path = re.findall(r"PATH=([^:]+):", said)[0]
    port, config = free_port(), Path(shlex.split(line)[-1])
    config.write_text(f"{config.read_text()}server: {{port: {port}}}\n")

    with subprocess.Popen(shlex.split(line)) as bridge:
        url = f"http://127.0.0.1:{port}/readyz"
        wait_until(lambda: answers(url), seconds=60)
        bridge.terminate()

    assert bridge.returncode == 0
    assert shutil.which("kubectl", path=path) == str(assets / "b" / "kubectl")
    assert "No nodes: no kube-controller-manager" in said


def answers(url: str) -> bool:
    """Tell whether a probe passes."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
