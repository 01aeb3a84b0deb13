"""What is known of the object that a Kubernetes Event is about goes with the event."""

from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TEMPLATE = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


class Workload:
    """A Deployment, its ReplicaSet and its Pod, made by hand in a namespace."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        """Create nothing yet."""
        self._server = plane.apiserver
        self._namespace = namespace

    def create(self) -> dict[str, Any]:
        """Create the chain; return the Pod."""
        spec = {"selector": {"matchLabels": {"app": "shop"}}, "template": TEMPLATE}
        deployment = self._post("apps/v1", "Deployment", "shop", spec=spec)
        replicas = self._post(
            "apps/v1", "ReplicaSet", "shop-1", owner=deployment, spec=spec
        )
        metadata = {
            "labels": {"app": "shop"},
            "annotations": {"team": "a", "private": "b"},
        }
        return self._post(
            "v1",
            "Pod",
            "shop-1-x",
            owner=replicas,
            metadata=metadata,
            spec=TEMPLATE["spec"],
        )

    def event(self, name: str, about: dict[str, Any]) -> None:
        """Write a Kubernetes Event about an object."""
        metadata = about["metadata"]
        reference = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": self._namespace,
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        body = {"involvedObject": reference, "reason": "Started", "type": "Normal"}
        self._post("v1", "Event", name, **body)

    def _post(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        owner: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        named = {"name": name, **(metadata or {})}
        if owner is not None:
            reference = {key: owner[key] for key in ("apiVersion", "kind")}
            reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
            named["ownerReferences"] = [{**reference, "controller": True}]
        root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
        path = f"{root}/namespaces/{self._namespace}/{kind.lower()}s"
        body = {"apiVersion": api_version, "kind": kind, "metadata": named, **fields}
        return {"apiVersion": api_version, "kind": kind} | self._server.request(
            "POST", path, body
        )


@pytest.fixture
def workload(control_plane: ControlPlane, namespace: str) -> Workload:
    """Return a workload to be."""
    return Workload(control_plane, namespace)


def named(receiver: Receiver, name: str) -> list[dict[str, Any]]:
    """Return the events that came of a Kubernetes Event."""
    events = receiver.ledger.events("event")
    return [one for one in events if one["data"]["metadata"]["name"] == name]


def test_event_carries_labels_annotations_and_the_top_of_the_chain(
    bridge: Bridge, receiver: Receiver, namespace: str, workload: Workload
) -> None:
    """Of a Pod that is made a moment before its Event, too."""
    enrich = {"labels": True, "annotations": ["team"], "owner": True}
    source = {"namespaces": [namespace], "enrich": enrich}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()

    pod = workload.create()
    workload.event("about-pod", pod)
    wait_until(lambda: bool(named(receiver, "about-pod")))

    (event,) = named(receiver, "about-pod")
    assert (event["ownerkind"], event["ownername"]) == ("Deployment", "shop")
    about = event["data"]["involvedObject"]
    assert about["labels"] == {"app": "shop"}
    assert about["annotations"] == {"team": "a"}
    assert about["owner"]["name"] == "shop"


def test_route_selects_events_by_the_labels_of_their_object(
    bridge: Bridge, receiver: Receiver, namespace: str, workload: Workload
) -> None:
    """Nothing else has to be configured for it."""
    route = {"name": "shop", "labels": "app=shop"}
    source = {"namespaces": [namespace]}
    bridge.write(bridge.document | {"sources": [source], "routes": [route]})
    bridge.start_and_wait()
    pod = workload.create()
    other = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "u"}}

    workload.event("about-node", other)
    workload.event("about-pod", pod)
    wait_until(lambda: bool(named(receiver, "about-pod")))
    bridge.settle()

    assert named(receiver, "about-node") == []
    (event,) = named(receiver, "about-pod")
    assert "labels" not in event["data"]["involvedObject"]


def test_event_about_an_unknown_object_holds_back_nobody(
    bridge: Bridge, receiver: Receiver, namespace: str, workload: Workload
) -> None:
    """It comes after its deadline, without what is not known; later ones before it."""
    source = {"namespaces": [namespace], "enrich": {"owner": True}}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()
    pod = workload.create()
    gone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "g", "uid": "u"}}

    workload.event("about-gone", gone)
    workload.event("about-pod", pod)
    wait_until(lambda: bool(named(receiver, "about-pod")))
    assert named(receiver, "about-gone") == []
    wait_until(lambda: bool(named(receiver, "about-gone")))

    (event,) = named(receiver, "about-gone")
    assert "ownername" not in event


def test_event_that_is_held_back_survives_a_kill(
    bridge: Bridge, receiver: Receiver, namespace: str, workload: Workload
) -> None:
    """The cursor has not passed it; what came after it may come again, same id."""
    source = {"namespaces": [namespace], "enrich": {"owner": True}}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()
    pod = workload.create()
    workload.event("first", pod)
    wait_until(lambda: bool(named(receiver, "first")))
    gone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "g", "uid": "u"}}

    workload.event("about-gone", gone)
    workload.event("about-pod", pod)
    wait_until(lambda: bool(named(receiver, "about-pod")))
    bridge.kill()
    bridge.start_and_wait()
    wait_until(lambda: bool(named(receiver, "about-gone")))

    ids = {event["id"] for event in named(receiver, "about-pod")}
    assert len(ids) == 1
