"""Creating, reading, changing and deleting objects."""

import pytest

from tests.contract.client import MERGE_PATCH, Client
from tests.contract.samples import KINDS, event

STRATEGIC_PATCH = "application/strategic-merge-patch+json"


@pytest.mark.parametrize("resource", KINDS)
async def test_objects_of_a_kind_can_be_created_and_read(api: Client, resource):
    """Each of the built-in kinds that the demo has is a kind of a real server."""
    value = {"metadata": {"name": "web"}, **KINDS[resource]}

    created = await api.create(resource, value)
    read = await api.call("GET", api.path(resource, "web"))
    listed = await api.call("GET", api.path(resource))

    assert (read.status, read.json["metadata"]["uid"]) == (
        200,
        created["metadata"]["uid"],
    )
    assert listed.names == ["web"]


async def test_objects_without_a_namespace_can_be_created(api: Client):
    """A node belongs to no namespace."""
    value = {"metadata": {"name": api.namespace}}

    created = await api.call("POST", "/api/v1/nodes", value)
    read = await api.call("GET", f"/api/v1/nodes/{api.namespace}")

    assert (created.status, read.status) == (201, 200)
    assert "namespace" not in read.json["metadata"]


async def test_create_adds_what_only_the_server_knows(api: Client):
    """A new object has identity, version, time of birth and manager."""
    created = await api.event("one")

    metadata = created["metadata"]
    assert (created["kind"], created["apiVersion"]) == ("Event", "v1")
    assert (metadata["name"], metadata["namespace"]) == ("one", api.namespace)
    assert metadata["uid"]
    assert metadata["resourceVersion"].isdigit()
    assert metadata["creationTimestamp"].endswith("Z")
    assert metadata["managedFields"][0]["fieldsV1"]["f:reason"] == {}


async def test_create_makes_up_a_name(api: Client):
    """``generateName`` is the beginning of a name that the server completes."""
    value = event(api.namespace, "") | {"metadata": {"generateName": "web."}}

    first, second = [await api.create("v1/events", value) for _ in range(2)]

    names = {first["metadata"]["name"], second["metadata"]["name"]}
    assert len(names) == 2
    assert all(name.startswith("web.") and len(name) > 4 for name in names)


async def test_create_refuses_what_exists(api: Client):
    """A name can be given once."""
    await api.event("one")

    answer = await api.call("POST", api.path(), event(api.namespace, "one"))

    assert (answer.status, answer.json["reason"]) == (409, "AlreadyExists")
    assert answer.json["message"] == 'events "one" already exists'
    assert answer.json["details"] == {"name": "one", "kind": "events"}


async def test_create_needs_a_name(api: Client):
    """An object without a name is invalid."""
    answer = await api.call("POST", api.path(), event(api.namespace, ""))

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.causes == {"metadata.name"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Pod", "apiVersion": "v1"},
        {"metadata": {"name": "one", "namespace": "elsewhere"}},
    ],
    ids=["kind", "namespace"],
)
async def test_create_refuses_an_object_that_belongs_elsewhere(api: Client, wrong):
    """Kind and namespace of an object are those of the path."""
    answer = await api.call("POST", api.path(), event(api.namespace, "one") | wrong)

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


async def test_create_needs_an_existing_namespace(api: Client):
    """Nothing can be created in a namespace that is not there."""
    path = "/api/v1/namespaces/nowhere/events"

    answer = await api.call("POST", path, event("nowhere", "one"))

    assert answer.status == 404
    assert answer.json["details"] == {"name": "nowhere", "kind": "namespaces"}


async def test_create_refuses_broken_json(api: Client):
    """What is no JSON is a bad request."""
    answer = await api.call("POST", api.path(), b"{broken")

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("method", "name", "content_type"),
    [("POST", "", "text/plain"), ("PATCH", "one", "application/json")],
)
async def test_other_content_types_are_refused(api: Client, method, name, content_type):
    """A body is read only if its type says what it is."""
    await api.event("one")

    path = api.path("v1/events", name)
    answer = await api.call(method, path, {}, content_type=content_type)

    assert (answer.status, answer.json["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("content_type", [MERGE_PATCH, STRATEGIC_PATCH])
async def test_patch_merges(api: Client, content_type):
    """A patch changes what it names, removes what it nulls and keeps the rest."""
    before = await api.event("one", count=1)
    patch = {"count": 2, "type": None, "metadata": {"labels": {"a": "b"}}}

    answer = await api.call(
        "PATCH", api.path("v1/events", "one"), patch, content_type=content_type
    )

    after = answer.json
    assert (after["count"], after["reason"], "type" in after) == (2, "Started", False)
    assert after["metadata"]["labels"] == {"a": "b"}
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert int(after["metadata"]["resourceVersion"]) > int(
        before["metadata"]["resourceVersion"]
    )
    assert (await api.call("GET", api.path("v1/events", "one"))).json == after


async def test_replace_replaces(api: Client):
    """What a replacement does not name is gone."""
    before = await api.event("one", count=7)
    value = event(api.namespace, "one", message="another")

    answer = await api.call("PUT", api.path("v1/events", "one"), value)

    assert answer.status == 200
    assert (answer.json["message"], "count" in answer.json) == ("another", False)
    assert answer.json["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_update_that_changes_nothing_makes_no_revision(api: Client):
    """Writing what is there already keeps the resourceVersion."""
    before = await api.event("one")

    patched = await api.patch("one", {"reason": before["reason"]})
    path = api.path("v1/events", "one")
    replaced = await api.call("PUT", path, before)

    assert patched == before
    assert replaced.json == before


@pytest.mark.parametrize("field", ["resourceVersion", "uid"])
async def test_replace_refuses_what_was_changed_meanwhile(api: Client, field):
    """A client that names the version or identity it has seen insists on it."""
    before = await api.event("one")
    await api.patch("one", {"count": 2})
    seen = {"resourceVersion": before["metadata"]["resourceVersion"], "uid": "another"}
    value = event(api.namespace, "one")
    value["metadata"][field] = seen[field]

    answer = await api.call("PUT", api.path("v1/events", "one"), value)

    assert (answer.status, answer.json["reason"]) == (409, "Conflict")


async def test_patch_refuses_what_was_changed_meanwhile(api: Client):
    """A patch may insist on a version too."""
    before = await api.event("one")
    await api.patch("one", {"count": 2})
    seen = {"resourceVersion": before["metadata"]["resourceVersion"]}
    patch = {"count": 3, "metadata": seen}

    path = api.path("v1/events", "one")
    answer = await api.call("PATCH", path, patch, content_type=MERGE_PATCH)

    assert (answer.status, answer.json["reason"]) == (409, "Conflict")


async def test_replace_refuses_another_name(api: Client):
    """The name in the object is that of the path."""
    await api.event("one")

    answer = await api.call(
        "PUT", api.path("v1/events", "one"), event(api.namespace, "two")
    )

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_what_is_not_there_is_not_found(api: Client, method):
    """Nothing can be done with an object that does not exist."""
    value = {"metadata": {"name": "none"}}
    kind = MERGE_PATCH if method == "PATCH" else "application/json"
    body = None if method in {"GET", "DELETE"} else value

    path = api.path("v1/configmaps", "none")
    answer = await api.call(method, path, body, content_type=kind)

    assert (answer.status, answer.json["reason"]) == (404, "NotFound")
    assert answer.json["message"] == 'configmaps "none" not found'
    assert answer.json["details"] == {"name": "none", "kind": "configmaps"}


async def test_delete_answers_with_the_uid(api: Client):
    """A deleted object is gone at once; the answer says which one it was."""
    created = await api.event("one")

    answer = await api.call("DELETE", api.path("v1/events", "one"))
    again = await api.call("GET", api.path("v1/events", "one"))

    assert (answer.status, again.status) == (200, 404)
    assert answer.json["status"] == "Success"
    assert answer.json["details"] == {
        "name": "one",
        "kind": "events",
        "uid": created["metadata"]["uid"],
    }


async def test_a_name_of_a_group_stands_in_the_refusal(api: Client):
    """Resources of named groups are called by their full name."""
    answer = await api.call("GET", api.path("apps/v1/deployments", "none"))

    assert answer.json["message"] == 'deployments.apps "none" not found'
    assert answer.json["details"] == {
        "name": "none",
        "group": "apps",
        "kind": "deployments",
    }


async def test_a_namespace_is_active_and_bears_its_name_as_a_label(api: Client):
    """A namespace that was created can be used at once."""
    answer = await api.call("GET", f"/api/v1/namespaces/{api.namespace}")

    assert answer.json["status"] == {"phase": "Active"}
    assert answer.json["metadata"]["labels"] == {
        "kubernetes.io/metadata.name": api.namespace
    }


@pytest.mark.parametrize("name", ["default", "kube-system"])
async def test_some_namespaces_are_always_there(api: Client, name):
    """Whoever asks which cluster this is reads the uid of kube-system."""
    answer = await api.call("GET", f"/api/v1/namespaces/{name}")

    assert answer.status == 200
    assert answer.json["metadata"]["uid"]
