"""Who may do what, and what cannot be done at all."""

import pytest

from tests.contract.client import Client
from tests.contract.samples import event

NAMED = {"resource": "v1/events", "name": "one"}


async def test_an_unknown_token_is_unauthorized(stranger: Client):
    """Who cannot be recognised is sent away, whatever the path."""
    answer = await stranger.call("GET", stranger.path())

    assert (answer.status, answer.json["reason"]) == (401, "Unauthorized")
    assert answer.json["message"] == "Unauthorized"


async def test_a_forbidden_list_says_what_is_lacking(nobody: Client):
    """The refusal names verb, resource, group and namespace."""
    answer = await nobody.call("GET", nobody.path())

    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
    assert answer.json["details"] == {"kind": "events"}
    assert answer.json["message"].startswith("events is forbidden: User ")
    assert answer.json["message"].endswith(
        'cannot list resource "events" in API group "" in the namespace '
        f'"{nobody.namespace}"'
    )


async def test_a_forbidden_watch_of_all_namespaces_says_so(nobody: Client):
    """A watch is a verb of its own, and all namespaces are the cluster's scope."""
    answer = await nobody.call("GET", "/apis/apps/v1/deployments", watch="true")

    assert (answer.status, answer.content_type) == (403, "application/json")
    assert answer.json["details"] == {"group": "apps", "kind": "deployments"}
    assert answer.json["message"].endswith(
        'cannot watch resource "deployments" in API group "apps" at the cluster scope'
    )


async def test_a_forbidden_namespace_is_named(nobody: Client):
    """For RBAC a namespace lies in itself."""
    answer = await nobody.call("GET", "/api/v1/namespaces/kube-system")

    assert answer.status == 403
    assert answer.json["details"] == {"name": "kube-system", "kind": "namespaces"}
    assert answer.json["message"].endswith('in the namespace "kube-system"')


@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", NAMED), ("PUT", {}), ("PATCH", {})],
)
async def test_some_methods_are_not_for_some_paths(api: Client, method, target):
    """Objects are not created twice, collections not replaced."""
    answer = await api.call(method, api.path(**target), event(api.namespace, "one"))

    assert (answer.status, answer.json["reason"]) == (405, "MethodNotAllowed")


async def test_nothing_is_created_in_all_namespaces(api: Client):
    """What belongs to a namespace is created in one."""
    answer = await api.call("POST", "/api/v1/events", event("default", "one"))

    assert (answer.status, answer.json["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nonsense",
        "/api/v1/nonsense/one",
        "/api/v2",
        "/apis/apps/v2",
        "/apis/apps/v2/deployments",
        "/apis/apps/v1/nonsense",
        "/api/v1/events/one",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/events/one/nonsense",
    ],
)
async def test_unknown_resources_of_known_groups_get_a_status(api: Client, path):
    """Within a group that is served, a refusal is a Status."""
    answer = await api.call("GET", path)

    assert (answer.status, answer.json["reason"]) == (404, "NotFound")
    assert "could not find the requested resource" in answer.json["message"]


@pytest.mark.parametrize(
    "path", ["/nonsense", "/apis/nonsense", "/apis/nonsense.example.com/v1/things"]
)
async def test_unknown_groups_get_plain_text(api: Client, path):
    """Outside of all groups, a refusal is no Status and not even JSON."""
    answer = await api.call("GET", path)

    assert (answer.status, answer.content_type) == (404, "text/plain")
    assert answer.text == "404 page not found\n"
