"""Real controllers on simulated nodes: their Events, compared with kubectl's."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def deployment(name: str, *, cpu: str) -> dict[str, Any]:
    """Return a Deployment of three that asks for so much CPU."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "example.com/checkout:1",
        "resources": {"requests": {"cpu": cpu}},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 3,
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
