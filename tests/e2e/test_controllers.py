"""Real controllers on simulated nodes: what they write, compared with the truth."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.custom import GROUP, custom_resource
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.truth import Truth
from tests.e2e.verdict import judge

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DEPLOYMENTS = [f"shop-{number:02d}" for number in range(20)]
KINDS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Deployment": ("/registry/deployments/", {"apiVersion": "apps/v1"}),
    "ReplicaSet": ("/registry/replicasets/", {"apiVersion": "apps/v1"}),
    "Pod": ("/registry/pods/", {}),
    "Event": ("/registry/events/", {}),
    "Gadget": (f"/registry/{GROUP}/gadgets/", {"apiVersion": f"{GROUP}/v1"}),
}
"""By kind: its keys in etcd, and what a source says beside the kind."""


def deployment(name: str, *, cpu: str, replicas: int = 3) -> dict[str, Any]:
    """Return a Deployment whose Pods ask for so much CPU."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "example.com/checkout:1",
        "resources": {"requests": {"cpu": cpu}},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container]},
            },
        },
    }


def retained(plane: ControlPlane, namespace: str) -> set[str]:
    """Return the id of the newest revision of each Event that kubectl shows."""
    text = plane.apiserver.kubectl("get", "events", "-n", namespace, "-o", "json")
    found = [one["metadata"] for one in json.loads(text)["items"]]
    return {f"{one['uid']}-{one['resourceVersion']}" for one in found}


def reasons(plane: ControlPlane, namespace: str) -> set[str]:
    """Return the reasons of the Events that kubectl shows."""
    text = plane.apiserver.kubectl("get", "events", "-n", namespace, "-o", "json")
    return {one["reason"] for one in json.loads(text)["items"]}


def test_rollout_scale_and_failure_arrive_as_kubectl_shows_them(
    control_plane_with_nodes: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Nothing that `kubectl get events` lists is missing."""
    plane = control_plane_with_nodes
    namespace = make_namespace(plane)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    with Bridge(
        folder=tmp_path,
        kubeconfig=plane.apiserver.kubeconfig(),
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()

        plane.apiserver.request("POST", path, deployment("checkout", cpu="10m"))
        wait_until(lambda: "Scheduled" in reasons(plane, namespace))
        scaled = {"spec": {"replicas": 6}}
        plane.apiserver.request("PATCH", f"{path}/checkout", scaled)
        plane.apiserver.request("POST", path, deployment("greedy", cpu="1000"))
        wait_until(lambda: "FailedScheduling" in reasons(plane, namespace))
        wait_until(
            lambda: retained(plane, namespace) <= set(receiver.ledger.ids()),
            seconds=120,
        )

        subjects = {event["subject"] for event in receiver.ledger.events("event")}
        assert any(one.startswith(f"{namespace}/Pod/greedy-") for one in subjects)
        assert f"{namespace}/Deployment/checkout" in subjects


def is_rolled_out(plane: ControlPlane, path: str, image: str) -> bool:
    """Whether every Pod of every Deployment runs an image."""
    items = plane.apiserver.request("GET", path)["items"]
    return all(
        one["spec"]["template"]["spec"]["containers"][0]["image"] == image
        and one["status"].get("observedGeneration") == one["metadata"]["generation"]
        and one["status"].get("updatedReplicas") == one["spec"]["replicas"]
        and one["status"].get("availableReplicas") == one["status"].get("replicas")
        and one["status"].get("replicas") == one["spec"]["replicas"]
        for one in items
    )


def roll_out(plane: ControlPlane, namespace: str) -> None:
    """Create twenty Deployments, let them run, and give each another image."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    for name in DEPLOYMENTS:
        plane.apiserver.request("POST", path, deployment(name, cpu="10m", replicas=2))
    wait_until(lambda: is_rolled_out(plane, path, "example.com/checkout:1"))
    container = {"name": "main", "image": "example.com/checkout:2"}
    template = {"spec": {"containers": [container]}}
    for name in DEPLOYMENTS:
        patch = {"spec": {"template": template}}
        plane.apiserver.request("PATCH", f"{path}/{name}", patch)
    wait_until(
        lambda: is_rolled_out(plane, path, "example.com/checkout:2"), seconds=120
    )


def write_gadgets(plane: ControlPlane, namespace: str) -> None:
    """Create, patch and delete custom objects."""
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}/gadgets"
    for name in ("kept", "gone"):
        gadget = {"kind": "Gadget", "apiVersion": f"{GROUP}/v1"}
        plane.apiserver.request("POST", path, gadget | {"metadata": {"name": name}})
        plane.apiserver.request("PATCH", f"{path}/{name}", {"size": 2})
    plane.apiserver.request("DELETE", f"{path}/gone")


def wait_until_quiet(truth: Truth, namespace: str) -> None:
    """Wait until nothing was written in a namespace for two seconds."""
    count, prefixes = -1, tuple(f"{prefix}{namespace}/" for prefix, _ in KINDS.values())
    while count != len(truth.of(*prefixes)):
        count = len(truth.of(*prefixes))
        time.sleep(2)
        truth.catch_up()


def faults(
    truth: Truth, receiver: Receiver, namespace: str, since: Mapping[str, int]
) -> dict[str, dict[str, list[str]]]:
    """Return what is wrong, by kind; none: each object's history arrived whole."""
    events = receiver.ledger.events()
    found = {
        kind: judge(
            truth.of(f"{prefix}{namespace}/"),
            [event for event in events if event["data"]["kind"] == kind],
            since=since[kind],
            deletions=kind != "Event",
        ).faults
        for kind, (prefix, _) in KINDS.items()
    }
    return {kind: one for kind, one in found.items() if one}


def test_history_of_each_object_arrives_as_etcd_has_it(
    control_plane_with_nodes: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Twenty Deployments down to their Pods and Events, and a kind made meanwhile."""
    plane = control_plane_with_nodes
    namespace, truth = make_namespace(plane), Truth(plane.etcd)
    sources = [{"kind": kind, **keys} for kind, (_, keys) in KINDS.items()]
    with Bridge(
        folder=tmp_path,
        kubeconfig=plane.apiserver.kubeconfig(),
        sources=[{**source, "namespaces": [namespace]} for source in sources],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start()
        for kind in ("Deployment", "ReplicaSet", "Pod"):
            wait_until(lambda: bridge.is_watching(kind.lower()))  # noqa: B023
        wait_until(lambda: bridge.is_watching("events"))
        since = dict.fromkeys(KINDS, plane.etcd.current_revision())
        with custom_resource(plane.apiserver, "Gadget"):
            bridge.wait_ready()
            since["Gadget"] = plane.etcd.current_revision()
            write_gadgets(plane, namespace)
            roll_out(plane, namespace)
            wait_until_quiet(truth, namespace)
            bridge.settle()

            assert faults(truth, receiver, namespace, since) == {}
        written = {kind: len(truth.of(prefix)) for kind, (prefix, _) in KINDS.items()}
        assert written["Gadget"] == 5
        assert min(written["Deployment"], written["ReplicaSet"]) > 4 * len(DEPLOYMENTS)
        assert min(written["Pod"], written["Event"]) > 8 * len(DEPLOYMENTS)
