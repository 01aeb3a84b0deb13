"""Any resource, from a real API server to a real webhook."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.custom import GROUP, custom_resource, stop_serving
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"

Objects = Callable[..., dict[str, Any]]


@pytest.fixture
def write(control_plane: ControlPlane, namespace: str) -> Objects:
    """Return what creates, updates and deletes ConfigMaps."""

    def act(verb: str, name: str, **fields: Any) -> dict[str, Any]:
        path = CONFIG_MAPS.format(namespace)
        if verb != "POST":
            path = f"{path}/{name}"
        metadata = fields.pop("metadata", {}) | {"name": name}
        body = None if verb == "DELETE" else {"metadata": metadata, **fields}
        return control_plane.apiserver.request(verb, path, body)

    return act


def config_maps(namespace: str, **keys: Any) -> list[dict[str, Any]]:
    """Return a source of the ConfigMaps of a namespace."""
    return [{"kind": "ConfigMap", "namespaces": [namespace], **keys}]


def told(receiver: Receiver, name: str) -> list[dict[str, Any]]:
    """Return the events about one object, as they came."""
    return [
        event for event in receiver.ledger.events("resource") if event["name"] == name
    ]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return what happened: added, modified, deleted."""
    return [event["type"].split(".")[-2] for event in events]


def test_added_modified_deleted_arrive_in_order(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """Each revision once, under its own id."""
    bridge.write(bridge.document | {"sources": config_maps(namespace)})
    bridge.start_and_wait()

    made = write("POST", "a", data={"x": "1"})
    changed = write("PUT", "a", data={"x": "2"})
    write("DELETE", "a")
    wait_until(lambda: len(told(receiver, "a")) == 3)

    events = told(receiver, "a")
    assert kinds(events) == ["added", "modified", "deleted"]
    uid = made["metadata"]["uid"]
    assert [event["id"] for event in events[:2]] == [
        f"{uid}-{one['metadata']['resourceVersion']}" for one in (made, changed)
    ]
    assert events[2]["id"].endswith("-deleted")
    assert events[1]["data"]["data"] == {"x": "2"}
    assert "managedFields" not in events[0]["data"]["metadata"]


def test_what_changed_while_the_bridge_and_the_history_were_gone_is_found(
    control_plane: ControlPlane,
    bridge: Bridge,
    receiver: Receiver,
    namespace: str,
    write: Objects,
) -> None:
    """The difference between what was known and what is there, deletions included."""
    bridge.write(bridge.document | {"sources": config_maps(namespace)})
    for name in ("stays", "changes", "goes", "returns"):
        write("POST", name)
    bridge.start_and_wait()
    gone = write("POST", "marker")
    wait_until(lambda: bool(told(receiver, "marker")))
    assert bridge.stop() == 0

    write("PUT", "changes", data={"x": "1"})
    write("DELETE", "goes")
    write("DELETE", "returns")
    write("POST", "returns")
    write("POST", "comes")
    control_plane.etcd.compact(control_plane.etcd.current_revision())
    control_plane.apiserver.restart()
    bridge.start_and_wait()
    wait_until(lambda: len(receiver.ledger.events("resource")) >= 6)

    assert kinds(told(receiver, "changes")) == ["modified"]
    assert kinds(told(receiver, "goes")) == ["deleted"]
    # Two objects that had one name after the other: order is that of one object.
    assert sorted(kinds(told(receiver, "returns"))) == ["added", "deleted"]
    assert kinds(told(receiver, "comes")) == ["added"]
    assert told(receiver, "stays") == []
    assert all(event["listed"] for event in receiver.ledger.events("resource")[1:])
    (gap,) = receiver.ledger.events("gap")
    assert gap["data"]["since"] < gap["data"]["until"]
    assert int(gap["data"]["cursor"]) >= int(gone["metadata"]["resourceVersion"])


def test_previous_and_changed_paths_tell_what_is_different(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """The object as it was, across a restart too, and the paths that differ."""
    write("POST", "a", data={"x": "1", "y": "1"})
    sources = config_maps(namespace, previous=True)
    bridge.write(bridge.document | {"sources": sources})
    bridge.start_and_wait()
    write("PUT", "a", data={"x": "2", "y": "1"})
    wait_until(lambda: len(told(receiver, "a")) == 1)
    wait_until(lambda: bridge.backlog("hook") == 0)  # or it is delivered again
    bridge.kill()

    bridge.start_and_wait()
    write("PUT", "a", data={"x": "3", "y": "1"})
    wait_until(lambda: len(told(receiver, "a")) == 2)

    first, second = told(receiver, "a")
    assert first["changedpaths"] == second["changedpaths"] == "data.x"
    assert second["data"]["previous"]["data"]["x"] == "2"
    assert second["data"]["object"]["data"]["x"] == "3"


def test_updates_that_change_nothing_relevant_can_be_left_out(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """A route may choose by changed paths; a source may leave paths out."""
    sources = config_maps(
        namespace,
        updates="relevant",
        ignore=["metadata.labels", "metadata.resourceVersion"],
    )
    bridge.write(bridge.document | {"sources": sources})
    bridge.start_and_wait()
    write("POST", "a", data={"x": "1"})
    wait_until(lambda: len(told(receiver, "a")) == 1)

    write("PUT", "a", data={"x": "1"}, metadata={"labels": {"seen": "yes"}})
    write("PUT", "a", data={"x": "2"}, metadata={"labels": {"seen": "no"}})
    wait_until(lambda: len(told(receiver, "a")) == 2)

    assert told(receiver, "a")[1]["changedpaths"] == "data.x,metadata.labels.seen"


def test_secrets_are_redacted(
    control_plane: ControlPlane, bridge: Bridge, receiver: Receiver, namespace: str
) -> None:
    """Only names of keys leave; nothing of a value lies in the queue either."""
    source = {"kind": "Secret", "namespaces": [namespace], "allowSecrets": True}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()

    secret = {"metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}}
    path = f"/api/v1/namespaces/{namespace}/secrets"
    control_plane.apiserver.request("POST", path, secret)
    wait_until(lambda: bool(told(receiver, "s")))
    assert bridge.stop() == 0

    (event,) = told(receiver, "s")
    assert list(event["data"]["data"]) == ["password"]
    files = bridge.queue.parent.glob("queue.db*")
    assert b"aHVudGVyMg" not in b"".join(one.read_bytes() for one in files)
    assert b"aHVudGVyMg" not in bridge.log.read_bytes()


def test_label_route_and_reference(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """A route selects by the labels of the object; a sink may want its name only."""
    sink = {"name": "hook", "url": receiver.url, "data": "reference"}
    route = {"name": "shop", "labels": "app in (shop)"}
    document = {"sources": config_maps(namespace), "sinks": [sink], "routes": [route]}
    bridge.write(bridge.document | document)
    bridge.start_and_wait()

    write("POST", "other", metadata={"labels": {"app": "bank"}})
    write("POST", "ours", metadata={"labels": {"app": "shop"}})
    wait_until(lambda: bool(told(receiver, "ours")))

    assert told(receiver, "other") == []
    (event,) = told(receiver, "ours")
    assert (event["data"]["kind"], event["data"]["name"]) == ("ConfigMap", "ours")
    assert "metadata" not in event["data"]


def test_kind_that_is_not_served_is_shown_while_the_others_work(
    control_plane: ControlPlane,
    bridge: Bridge,
    receiver: Receiver,
    namespace: str,
    write: Objects,
) -> None:
    """It is watched as soon as it is there, without a restart."""
    widgets = {"apiVersion": f"{GROUP}/v1", "kind": "Widget"}
    bridge.write(bridge.document | {"sources": [*config_maps(namespace), widgets]})
    bridge.start()
    wait_until(lambda: bridge.is_watching("configmap"))
    write("POST", "a")
    wait_until(lambda: bool(told(receiver, "a")))
    absent = bridge.source("widget")
    assert absent["state"] == "absent"
    assert "demo.example.com/v1 Widget" in absent["error"]
    assert not bridge.is_ready()
    (gauge,) = re.findall(r"kubebridge_watching{.*Widget.*} (.*)", bridge.metrics())
    assert gauge == "0.0"

    server = control_plane.apiserver
    with custom_resource(server, "Widget") as plural:
        bridge.wait_ready()
        path = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
        widget = {"kind": "Widget", "apiVersion": f"{GROUP}/v1"}
        server.request("POST", path, widget | {"metadata": {"name": "w"}})
        wait_until(lambda: bool(told(receiver, "w")))
    wait_until(lambda: bridge.source("widget")["state"] == "absent")

    assert kinds(told(receiver, "w")) == ["added", "deleted"]


def test_version_that_is_not_served_any_more_is_followed_by_another(
    control_plane: ControlPlane, bridge: Bridge, receiver: Receiver, namespace: str
) -> None:
    """The cursor stays; nothing is missed and nothing comes twice."""
    server = control_plane.apiserver
    with custom_resource(server, "Gadget", versions=("v1beta1", "v1")) as plural:
        source = {"apiVersion": f"{GROUP}/v1beta1", "kind": "Gadget"}
        bridge.write(bridge.document | {"sources": [source]})
        bridge.start_and_wait()
        path = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
        gadget = {"kind": "Gadget", "apiVersion": f"{GROUP}/v1"}
        server.request("POST", path, gadget | {"metadata": {"name": "one"}})
        wait_until(lambda: bool(told(receiver, "one")))

        stop_serving(server, plural, index=0)
        wait_until(lambda: "Served in another version." in bridge.log.read_text())
        server.request("POST", path, gadget | {"metadata": {"name": "two"}})
        wait_until(lambda: bool(told(receiver, "two")))
        bridge.settle()

    assert told(receiver, "one")[0]["apiversion"] == f"{GROUP}/v1beta1"
    assert told(receiver, "two")[0]["apiversion"] == f"{GROUP}/v1"
    added = [e for e in receiver.ledger.events("resource") if "added" in e["type"]]
    assert len(added) == 2
    assert receiver.ledger.events("gap") == []


def test_two_sources_share_one_watch(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """One wants additions, the other deletions; one reader reads for both."""
    born = {"kind": "ConfigMap", "name": "born", "changes": ["added"]}
    dead = {"kind": "ConfigMap", "name": "dead", "changes": ["deleted"]}
    bridge.write(bridge.document | {"sources": [born, dead]})
    bridge.start_and_wait()

    write("POST", "a")
    write("PUT", "a", data={"x": "1"})
    write("DELETE", "a")
    wait_until(lambda: len(told(receiver, "a")) == 2)

    (reader,) = bridge.get("/api/v1/sources").json()["items"]
    assert reader["sources"] == ["born", "dead"]
    assert kinds(told(receiver, "a")) == ["added", "deleted"]


def test_namespaces_are_selected_by_label_as_they_come(
    control_plane: ControlPlane, bridge: Bridge, receiver: Receiver
) -> None:
    """A namespace made later is watched at once; another one is not."""
    source = {"kind": "ConfigMap", "namespaceSelector": "team=shop"}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()

    for team in ("shop", "bank"):
        metadata = {"generateName": "sel-", "labels": {"team": team}}
        made = control_plane.apiserver.request(
            "POST", "/api/v1/namespaces", {"metadata": metadata}
        )
        control_plane.apiserver.request(
            "POST",
            CONFIG_MAPS.format(made["metadata"]["name"]),
            {"metadata": {"name": f"of-{team}"}},
        )
    wait_until(lambda: bool(told(receiver, "of-shop")))
    bridge.settle()

    assert told(receiver, "of-bank") == []
    (reader,) = bridge.get("/api/v1/sources").json()["items"]
    assert reader["namespace"] == "*"


@pytest.mark.soak
def test_resync_tells_all_again(
    bridge: Bridge, receiver: Receiver, namespace: str, write: Objects
) -> None:
    """Under ids of their own, from what is known, without a list."""
    write("POST", "a", data={"x": "1"})
    bridge.write(bridge.document | {"sources": config_maps(namespace, resync="1m")})
    bridge.start_and_wait()

    wait_until(lambda: bool(told(receiver, "a")), seconds=100)

    (event,) = told(receiver, "a")
    assert (event["resync"], event["id"][-3:]) == (1, "-r1")
    assert event["data"]["data"] == {"x": "1"}
