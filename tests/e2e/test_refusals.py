"""What cannot work says so in one line, names the thing, and loses nothing."""

import json
from pathlib import Path

import httpx
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def run_to_its_end(bridge: Bridge) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    bridge.start()
    assert bridge.process is not None
    code = bridge.process.wait(60)
    bridge.process = None
    return code, bridge.log.read_text()


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"kubeconfig": "/nowhere/config"}, "/nowhere/config"),
        ({"context": "nobody"}, "nobody"),
    ],
)
def test_unusable_credentials_end_the_process(
    bridge: Bridge, cluster: dict[str, str], expected: str
) -> None:
    """Exit code 2, and the file or context is named."""
    document = bridge.document
    bridge.write(document | {"cluster": document["cluster"] | cluster})

    code, said = run_to_its_end(bridge)

    assert code == 2
    assert expected in said
    assert "Traceback" not in said


def test_wrong_token_is_shown_and_tried_again(
    bridge: Bridge, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """Not ready, with the reason, and the token is not printed."""
    text = control_plane.apiserver.kubeconfig().read_text()
    token = control_plane.apiserver.token()
    path = tmp_path / "wrong"
    path.write_text(text.replace(token, "wrong-token"))
    bridge.write(bridge.document | {"cluster": {"kubeconfig": str(path)}})

    bridge.start()
    wait_until(lambda: "401" in readiness(bridge) or "nauthorized" in readiness(bridge))

    assert "wrong-token" not in readiness(bridge) + bridge.log.read_text()


def readiness(bridge: Bridge) -> str:
    """Return what the readiness probe says; empty before it answers."""
    try:
        return bridge.get("/readyz?verbose").text
    except httpx.TransportError:
        return ""


def test_refused_rbac_names_what_is_missing_and_recovers(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Not ready until the role is there; then it works without a restart."""
    api = control_plane.apiserver
    core = f"/api/v1/namespaces/{namespace}"
    account = {"metadata": {"name": "nobody"}}
    api.request("POST", f"{core}/serviceaccounts", account)
    token = api.service_account_token(namespace, "nobody")
    path = tmp_path / "nobody"
    path.write_text(api.kubeconfig().read_text().replace(api.token(), token))
    with Bridge(
        folder=tmp_path,
        kubeconfig=path,
        sources=[{"namespaces": [namespace]}],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start()
        wait_until(lambda: "forbidden" in readiness(bridge))
        said = readiness(bridge)
        assert all(word in said for word in ("list", "events", namespace))

        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        rules = [
            {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]}
        ]
        role = {"metadata": {"name": "reader"}, "rules": rules}
        api.request("POST", f"{rbac}/roles", role)
        binding = {
            "metadata": {"name": "reader"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "reader",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": "nobody", "namespace": namespace}
            ],
        }
        api.request("POST", f"{rbac}/rolebindings", binding)
        bridge.wait_ready(seconds=120)
        writer.fill(10, prefix="some")

        wait_until(lambda: len(receiver.ledger.bodies) >= 10)


def test_removed_sink_keeps_its_deliveries(
    bridge: Bridge, writer: Writer, receiver: Receiver
) -> None:
    """They are shown as not configured, and go on when the name returns."""
    sinks = bridge.document["sinks"]
    gone = {"name": "gone", "url": "http://127.0.0.1:9/"}
    bridge.write(bridge.document | {"sinks": [*sinks, gone]})
    bridge.start_and_wait()
    writer.fill(10, prefix="some")
    wait_until(lambda: len(receiver.ledger.bodies) >= 10)
    bridge.stop()

    bridge.write(bridge.document | {"sinks": sinks})
    bridge.start_and_wait()
    listed = {one["name"]: one for one in bridge.get("/api/v1/sinks").json()["items"]}
    assert listed["gone"]["configured"] is False
    assert "not configured" in bridge.log.read_text()
    bridge.stop()

    with Receiver() as late:
        returned = {"name": "gone", "url": late.url}
        bridge.write(bridge.document | {"sinks": [*sinks, returned]})
        bridge.start_and_wait()
        wait_until(lambda: set(late.ledger.ids()) == set(writer.ids))


def test_corrupt_queue_file_is_refused_and_left_alone(bridge: Bridge) -> None:
    """Exit code 3; nothing is moved aside."""
    bridge.queue.write_bytes(b"this is no database" * 1000)

    code, said = run_to_its_end(bridge)

    assert code == 3
    assert str(bridge.queue) in said
    assert bridge.queue.read_bytes().startswith(b"this is no database")


def test_second_process_on_the_same_file_is_refused(
    bridge: Bridge, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """It waits 30 s for the first one to end, then exits with 3."""
    bridge.start_and_wait()
    second = tmp_path / "second"
    second.mkdir()
    with Bridge(
        folder=second,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        **{
            key: value
            for key, value in bridge.document.items()
            if key in {"queue", "sinks", "sources"}
        },
    ) as other:
        code, said = run_to_its_end(other)

    assert code == 3
    assert str(bridge.queue) in said


def test_other_cluster_behind_the_name_is_refused_until_reset(
    bridge: Bridge, fresh_control_plane: ControlPlane
) -> None:
    """The cursors of one cluster mean nothing in another."""
    cluster = bridge.document["cluster"] | {"name": "prod"}
    bridge.write(bridge.document | {"cluster": cluster, "sources": [{}]})
    bridge.start_and_wait()
    bridge.stop()

    kubeconfig = str(fresh_control_plane.apiserver.kubeconfig())
    other = {"name": "prod", "kubeconfig": kubeconfig}
    bridge.write(bridge.document | {"cluster": other})
    bridge.start()
    wait_until(lambda: "expected prod to be" in readiness(bridge))
    for cursor in bridge.get("/api/v1/cursors").json()["items"]:
        bridge.call("DELETE", f"/api/v1/cursors/{cursor['id']}")

    bridge.wait_ready()


def test_object_that_cannot_be_converted_is_kept(
    bridge: Bridge,
    control_plane: ControlPlane,
    namespace: str,
    receiver: Receiver,
    writer: Writer,
) -> None:
    """A reason with every odd character there is neither stops nor loses anything."""
    bridge.start_and_wait()
    odd = {
        "metadata": {"name": "odd"},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "x"},
        "reason": "Tab\tand \u0007 bell and \u00e9 and \U0001f600",
        "message": "line\nbreak",
        "type": "Warning",
    }
    path = f"/api/v1/namespaces/{namespace}/events"
    made = control_plane.apiserver.request("POST", path, odd)
    writer.fill(5, prefix="after")

    wait_until(lambda: len(receiver.ledger.bodies) >= 6)

    events = {event["id"]: event for event in receiver.ledger.events()}
    metadata = made["metadata"]
    event = events[f"{metadata['uid']}-{metadata['resourceVersion']}"]
    assert event["data"]["reason"] == odd["reason"]
    assert json.dumps(event["reason"]).isascii()
