"""How clients learn what there is."""

import pytest

from tests.contract.client import Client

VERBS = {"create", "delete", "get", "list", "patch", "update", "watch"}
SERVED = {
    "/api/v1": {
        "namespaces": ("Namespace", False),
        "nodes": ("Node", False),
        "pods": ("Pod", True),
        "events": ("Event", True),
        "configmaps": ("ConfigMap", True),
        "services": ("Service", True),
    },
    "/apis/apps/v1": {
        "deployments": ("Deployment", True),
        "replicasets": ("ReplicaSet", True),
        "statefulsets": ("StatefulSet", True),
        "daemonsets": ("DaemonSet", True),
    },
    "/apis/batch/v1": {"jobs": ("Job", True), "cronjobs": ("CronJob", True)},
    "/apis/events.k8s.io/v1": {"events": ("Event", True)},
    "/apis/apiextensions.k8s.io/v1": {
        "customresourcedefinitions": ("CustomResourceDefinition", False)
    },
}


@pytest.mark.parametrize("path", SERVED)
async def test_a_group_version_lists_its_resources(api: Client, path):
    """Kind, scope and verbs of a resource can be looked up."""
    answer = await api.call("GET", path)

    assert answer.json["kind"] == "APIResourceList"
    assert answer.json["groupVersion"] == path.removeprefix("/api/").removeprefix(
        "/apis/"
    )
    found = {each["name"]: each for each in answer.json["resources"]}
    for name, (kind, namespaced) in SERVED[path].items():
        assert (found[name]["kind"], found[name]["namespaced"]) == (kind, namespaced)
        assert found[name]["singularName"] == kind.lower()
        assert set(found[name]["verbs"]) >= VERBS


async def test_core_has_one_version(api: Client):
    """``/api`` names the versions of core."""
    answer = await api.call("GET", "/api")

    assert (answer.json["kind"], answer.json["versions"]) == ("APIVersions", ["v1"])


async def test_groups_are_listed_with_their_versions(api: Client):
    """``/apis`` names the groups, each with the version to prefer."""
    version = {"groupVersion": "events.k8s.io/v1", "version": "v1"}
    group = {
        "name": "events.k8s.io",
        "versions": [version],
        "preferredVersion": version,
    }

    answer = await api.call("GET", "/apis")
    single = await api.call("GET", "/apis/events.k8s.io")

    assert answer.json["kind"] == "APIGroupList"
    assert group in answer.json["groups"]
    assert single.json == {"kind": "APIGroup", "apiVersion": "v1", **group}


async def test_the_version_is_told(api: Client):
    """``/version`` says which Kubernetes this is."""
    answer = await api.call("GET", "/version")

    assert answer.json["major"] == "1"
    assert answer.json["gitVersion"].startswith(f"v1.{answer.json['minor']}.")


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/healthz"])
async def test_a_running_server_gets_ready(api: Client, path):
    """Health is plain text."""
    answer = await api.call_until(200, "GET", path)

    assert (answer.text, answer.content_type) == ("ok", "text/plain")
