"""Custom resources: served when defined, gone when not."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.client import MERGE_PATCH, Client, gist
from tests.contract.samples import definition, widget

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
async def group(api: Client) -> AsyncIterator[str]:
    """Serve widgets in a group of its own."""
    group = f"{api.namespace}.example.com"
    answer = await api.call("POST", DEFINITIONS, definition(group))
    assert answer.status == 201, answer.text
    await api.call_until(200, "GET", api.path(f"{group}/v1/widgets"))
    yield group
    await api.call("DELETE", f"{DEFINITIONS}/widgets.{group}")


async def test_a_definition_gets_established(api: Client, group: str):
    """The condition says that the resource is served."""
    answer = await api.call("GET", f"{DEFINITIONS}/widgets.{group}")

    conditions = answer.json["status"]["conditions"]
    assert {"Established": "True"}.items() <= {
        each["type"]: each["status"] for each in conditions
    }.items()


async def test_a_defined_resource_is_discovered(api: Client, group: str):
    """Each served version is listed, the others are not."""
    groups = await api.call("GET", "/apis")
    single = await api.call("GET", f"/apis/{group}")
    resources = await api.call("GET", f"/apis/{group}/v1")

    versions = [each["version"] for each in single.json["versions"]]
    assert versions == ["v1", "v1beta1"]
    assert group in {each["name"] for each in groups.json["groups"]}
    assert [each["name"] for each in resources.json["resources"]] == ["widgets"]


async def test_a_custom_resource_can_be_changed(api: Client, group: str):
    """Custom objects are created, merged, replaced and deleted like others."""
    path = api.path(f"{group}/v1/widgets", "one")
    created = await api.create(f"{group}/v1/widgets", widget(group, "one", size=1))

    patched = await api.call("PATCH", path, {"size": 2}, content_type=MERGE_PATCH)
    patched.json["metadata"].pop("managedFields")
    replaced = await api.call("PUT", path, {**patched.json, "size": 3})
    deleted = await api.call("DELETE", path)

    assert (created["size"], patched.json["size"], replaced.json["size"]) == (1, 2, 3)
    assert deleted.json["details"] == {
        "name": "one",
        "group": group,
        "kind": "widgets",
        "uid": created["metadata"]["uid"],
    }


async def test_items_of_a_custom_list_say_what_they_are(api: Client, group: str):
    """Unlike those of built-in kinds."""
    created = await api.create(f"{group}/v1/widgets", widget(group, "one"))

    answer = await api.call("GET", api.path(f"{group}/v1/widgets"))

    assert answer.json["kind"] == "WidgetList"
    assert answer.json["items"] == [created]


async def test_every_version_shows_the_same_object(api: Client, group: str):
    """Versions differ by name only."""
    created = await api.create(f"{group}/v1/widgets", widget(group, "one"))

    answer = await api.call("GET", api.path(f"{group}/v1beta1/widgets", "one"))

    assert answer.json == created | {"apiVersion": f"{group}/v1beta1"}


async def test_a_custom_resource_has_no_strategic_merge(api: Client, group: str):
    """The server does not know how to merge the lists of a custom resource."""
    await api.create(f"{group}/v1/widgets", widget(group, "one"))

    path = api.path(f"{group}/v1/widgets", "one")
    strategic = "application/strategic-merge-patch+json"
    answer = await api.call("PATCH", path, {"size": 2}, content_type=strategic)

    assert (answer.status, answer.json["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("resource", ["v1alpha1/widgets", "v1/gadgets"])
async def test_what_is_not_served_in_a_custom_group_gets_plain_text(
    api: Client, group: str, resource
):
    """A version may be defined without being served; the refusal is no Status."""
    answer = await api.call("GET", api.path(f"{group}/{resource}"))

    assert (answer.status, answer.content_type) == (404, "text/plain")


async def test_a_watch_ends_with_its_definition(api: Client, group: str):
    """The objects go, then the stream, then the path."""
    path = api.path(f"{group}/v1/widgets")
    await api.create(f"{group}/v1/widgets", widget(group, "one"))

    async with api.watch(path) as stream:
        first = await stream.next()
        await api.call("DELETE", f"{DEFINITIONS}/widgets.{group}")
        rest = await stream.rest()
    gone = await api.call_until(404, "GET", path)

    assert gist([first, *rest]) == [("ADDED", "one"), ("DELETED", "one")]
    assert (gone.content_type, gone.text) == ("text/plain", "404 page not found\n")


async def test_a_version_can_cease_to_be_served(api: Client, group: str):
    """Its watch ends, its path is gone, the other version goes on."""
    await api.create(f"{group}/v1/widgets", widget(group, "one"))
    path = api.path(f"{group}/v1beta1/widgets")
    value = definition(group)["spec"]
    value["versions"][1]["served"] = False

    async with api.watch(path) as stream:
        await stream.next()
        target = f"{DEFINITIONS}/widgets.{group}"
        await api.call("PATCH", target, {"spec": value}, content_type=MERGE_PATCH)
        rest = await stream.rest()
    await api.call_until(404, "GET", path)
    other = await api.call_until(200, "GET", api.path(f"{group}/v1/widgets"))

    assert ([line["type"] for line in rest], other.names) == ([], ["one"])


async def test_a_group_that_serves_nothing_is_not_discovered(api: Client, group: str):
    """With the last definition the group goes."""
    await api.call("DELETE", f"{DEFINITIONS}/widgets.{group}")

    await api.call_until(404, "GET", f"/apis/{group}/v1")
    await api.call_until(404, "GET", f"/apis/{group}")
    groups = await api.call("GET", "/apis")

    assert group not in {each["name"] for each in groups.json["groups"]}


async def test_a_resource_can_be_defined_again(api: Client, group: str):
    """A new definition begins empty."""
    path = api.path(f"{group}/v1/widgets")
    await api.create(f"{group}/v1/widgets", widget(group, "one"))
    await api.call("DELETE", f"{DEFINITIONS}/widgets.{group}")
    await api.call_until(404, "GET", path)

    await api.call("POST", DEFINITIONS, definition(group))
    answer = await api.call_until(200, "GET", path)

    assert answer.names == []


async def test_a_custom_resource_may_have_no_namespace(api: Client):
    """The scope of a definition decides."""
    group = f"{api.namespace}.example.com"
    path = f"/apis/{group}/v1/widgets"
    await api.call("POST", DEFINITIONS, definition(group, scope="Cluster"))
    await api.call_until(200, "GET", path)

    created = await api.call("POST", path, widget(group, "one"))
    await api.call("DELETE", f"{DEFINITIONS}/widgets.{group}")

    assert created.status == 201
    assert "namespace" not in created.json["metadata"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metadata": {"name": "widgets"}}, "metadata.name"),
        ({"spec": {}}, "spec.group"),
        ({"spec": {}}, "spec.names.plural"),
        ({"spec": {}}, "spec.scope"),
    ],
)
async def test_a_definition_has_to_make_sense(api: Client, change, field):
    """A resource without group, name or scope cannot be served."""
    value = definition("example.com") | change

    answer = await api.call("POST", DEFINITIONS, value)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert field in answer.causes
