"""What an API server serves under a name."""

import pytest
from aiohttp import web

from bridge.cluster import CORE_EVENTS
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import Target
from bridge.errors import ApiStatusError, NotServedError, UnreadableError
from tests.unit.cluster.server import Answer, connected

ALL = ["create", "get", "list", "watch"]


def served(name, kind, *, namespaced=True, verbs=ALL):
    """An APIResource."""
    return {"name": name, "kind": kind, "namespaced": namespaced, "verbs": verbs}


def resources(*given):
    """An APIResourceList."""
    return {"kind": "APIResourceList", "resources": [*given] or None}


def group(*versions, preferred=None):
    """An APIGroup."""
    listed = [{"groupVersion": f"g/{one}", "version": one} for one in versions]
    first = {"version": preferred or versions[0]}
    return {"kind": "APIGroup", "versions": listed, "preferredVersion": first}


DOCUMENTS = {
    "/api/v1": resources(
        served("pods/eviction", "Eviction", verbs=["create"]),
        served("bindings", "Binding", verbs=["create"]),
        served("events", "Event"),
        served("nodes", "Node", namespaced=False),
        served("pods", "Pod"),
    ),
    "/apis/apps": group("v1"),
    "/apis/apps/v1": resources(
        served("deployments/scale", "Scale", verbs=["get"]),
        served("deployments", "Deployment"),
    ),
    "/apis/events.k8s.io/v1": resources(served("events", "Event")),
    "/apis/shop.io": group("v1", "v2", "v2beta1", preferred="v2"),
    "/apis/shop.io/v1": resources(served("cats", "Cat")),
    "/apis/shop.io/v2": resources(served("cats", "Cat")),
    "/apis/shop.io/v2beta1": resources(served("dogs", "Dog")),
    "/apis/empty.io": group("v1"),
    "/apis/empty.io/v1": resources(),
    "/apis/broken.io": {"kind": "APIGroup", "versions": 7},
    "/apis/broken.io/v1": {"resources": 7},
}


def answering(documents=DOCUMENTS):
    """Answer as kube-apiserver does, which says 404 in plain text."""

    async def behave(request):
        document = documents.get(request.path)
        if document is None:
            return web.Response(status=404, text="404 page not found")
        return web.json_response(document)

    return behave


@pytest.fixture
async def cluster(tmp_path):
    """A client, and the server that it asks."""
    async with connected(tmp_path, answering()) as pair:
        yield pair


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(api_version="v1", kind="Event"), CORE_EVENTS),
        (Target(api_version="v1", kind="Node"), BUILTIN["", "Node"]),
        (
            Target(api_version="apps/v1", kind="Deployment"),
            BUILTIN["apps", "Deployment"],
        ),
        (
            Target(api_version="events.k8s.io/v1", kind="Event"),
            BUILTIN["events.k8s.io", "Event"],
        ),
        (Target(resource="pods"), BUILTIN["", "Pod"]),
        (Target(resource="deployments.apps"), BUILTIN["apps", "Deployment"]),
        (
            Target(resource="deployments", api_version="apps/v1"),
            BUILTIN["apps", "Deployment"],
        ),
    ],
    ids=str,
)
async def test_a_resource_is_found_by_kind_or_by_its_own_name(
    cluster, target, expected
):
    """Group, version, plural, scope and bookmarks are the server's."""
    client, _ = cluster

    found = await find_resource(client, target)

    assert found == expected


async def test_a_version_that_is_served_takes_one_request(cluster):
    """The common case at every start."""
    client, server = cluster

    await find_resource(client, Target(api_version="apps/v1", kind="Deployment"))

    assert [request.path for request in server.requests] == ["/apis/apps/v1"]


@pytest.mark.parametrize(
    ("api_version", "kind", "version"),
    [
        ("shop.io/v1", "Cat", "v1"),
        ("shop.io/v0", "Cat", "v2"),
        ("shop.io/v1", "Dog", "v2beta1"),
        ("", "Cat", "v2"),
    ],
    ids=["still served", "version gone", "kind gone from it", "none named"],
)
async def test_the_preferred_version_that_has_the_kind_stands_in(
    cluster, api_version, kind, version
):
    """A CustomResourceDefinition changes what it serves without a restart of ours."""
    client, _ = cluster
    plural = f"{kind.lower()}s.shop.io"
    named = {"kind": kind} if api_version else {"resource": plural}

    found = await find_resource(client, Target(api_version=api_version, **named))

    assert (found.name, found.api_version) == (plural, f"shop.io/{version}")


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        (Target(api_version="v1", kind="Unheard"), ""),
        (Target(api_version="v1", kind="pod"), "; did you mean Pod?"),
        (Target(resource="pod"), "; did you mean pods?"),
        (
            Target(api_version="v1", kind="Deployment"),
            "; did you mean apps/v1 Deployment?",
        ),
        (Target(resource="deployments"), "; did you mean deployments.apps?"),
        (Target(api_version="shop.io/v1", kind="Cats"), "; did you mean Cat?"),
        (Target(api_version="none.io/v1", kind="Cat"), ""),
        (Target(api_version="empty.io/v1", kind="Cat"), ""),
        (Target(api_version="v1", kind="Eviction"), ""),
    ],
    ids=str,
)
async def test_what_is_not_served_is_named_with_a_hint(cluster, target, hint):
    """At the builtin kinds of other groups, and at similar names in this one."""
    client, _ = cluster

    with pytest.raises(NotServedError) as caught:
        await find_resource(client, target)

    assert str(caught.value) == f"the API server does not serve {target}{hint}"


async def test_what_cannot_be_watched_is_refused(cluster):
    """Some resources can only be created."""
    client, _ = cluster

    with pytest.raises(NotServedError, match="v1 Binding cannot be watched") as caught:
        await find_resource(client, Target(api_version="v1", kind="Binding"))

    assert "does not serve list and watch of bindings" in str(caught.value)


@pytest.mark.parametrize("api_version", ["broken.io/v1", "broken.io/v0"])
async def test_a_document_of_another_form_is_unreadable(cluster, api_version):
    """Neither a list of resources nor a group."""
    client, _ = cluster

    with pytest.raises(UnreadableError, match=r"get /apis/broken\.io"):
        await find_resource(client, Target(api_version=api_version, kind="Cat"))


async def test_a_group_that_is_down_is_not_a_missing_one(tmp_path):
    """An aggregated API without a backend answers 503: it may come back."""
    async with connected(tmp_path, Answer(status=503)) as (client, _):
        with pytest.raises(ApiStatusError) as caught:
            await find_resource(client, Target(api_version="metrics.io/v1", kind="A"))

    assert caught.value.status == 503


def test_a_target_is_named_as_the_configuration_names_it():
    """In errors and logs."""
    assert str(Target(api_version="apps/v1", kind="Deployment")) == "apps/v1 Deployment"
    assert str(Target(resource="deployments.apps")) == "deployments.apps"
