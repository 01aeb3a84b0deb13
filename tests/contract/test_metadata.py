"""Who wants to know no more than metadata, and what a client may do."""

import pytest

from tests.contract.client import INITIAL, Client

LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
WHAT = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
CONFIGMAP = {"metadata": {"name": "one"}, "data": {"color": "red"}}


@pytest.mark.parametrize("resource", ["v1/configmaps", "v1/events"])
async def test_a_list_of_metadata_says_nothing_else(api: Client, resource):
    """Each item says that it is a part, and of what kind the list is."""
    about = {"involvedObject": {"namespace": api.namespace}}
    more = about if resource == "v1/events" else CONFIGMAP
    created = await api.create(resource, CONFIGMAP | more)

    answer = await api.call("GET", api.path(resource), accept=LIST)

    assert answer.json["kind"] == "PartialObjectMetadataList"
    assert answer.json["apiVersion"] == "meta.k8s.io/v1"
    assert answer.json["items"] == [WHAT | {"metadata": created["metadata"]}]


async def test_a_watch_of_metadata_says_nothing_else(api: Client):
    """Its bookmarks are of that kind too."""
    created = await api.create("v1/configmaps", CONFIGMAP)

    path = api.path("v1/configmaps")
    async with api.watch(path, accept=OBJECT, **INITIAL) as stream:
        added, bookmark = await stream.take(2)

    part = WHAT | {"metadata": created["metadata"]}
    assert added == {"type": "ADDED", "object": part}
    assert bookmark["object"] | WHAT == bookmark["object"]
    assert bookmark["object"].keys() == {*WHAT, "metadata"}


async def test_one_object_can_be_metadata(api: Client):
    """A single object too."""
    created = await api.create("v1/configmaps", CONFIGMAP)

    answer = await api.call("GET", api.path("v1/configmaps", "one"), accept=OBJECT)

    assert answer.json == WHAT | {"metadata": created["metadata"]}


async def test_a_watch_in_the_form_of_lists_stays_empty(api: Client):
    """It is answered by 200, and nothing is ever said: who asks so loses everything."""
    await api.create("v1/configmaps", CONFIGMAP)

    path, query = api.path("v1/configmaps"), INITIAL | {"timeoutSeconds": 1}
    async with api.watch(path, accept=f"{LIST},{OBJECT}", **query) as stream:
        assert await stream.rest() == []


@pytest.mark.parametrize(("name", "accept"), [("", OBJECT), ("one", LIST)])
async def test_the_wrong_form_is_refused(api: Client, name, accept):
    """A list is no object, and an object no list."""
    await api.create("v1/configmaps", CONFIGMAP)

    answer = await api.call("GET", api.path("v1/configmaps", name), accept=accept)

    assert (answer.status, answer.json["reason"]) == (406, "NotAcceptable")


def question(**attributes):
    """A review that asks what the client itself may do."""
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": attributes},
    }


async def test_a_client_is_told_what_it_may_do(api: Client):
    """The review comes back with the answer."""
    review = question(verb="list", resource="events", namespace=api.namespace)

    answer = await api.call("POST", REVIEWS, review)

    assert (answer.status, answer.json["kind"]) == (201, "SelfSubjectAccessReview")
    assert answer.json["status"]["allowed"] is True
    assert answer.json["spec"] == review["spec"]


async def test_a_client_is_told_what_it_may_not_do(nobody: Client):
    """Everybody who is known may ask, who may do nothing else too."""
    answer = await nobody.call("POST", REVIEWS, question(verb="list", resource="pods"))

    assert (answer.status, answer.json["status"]["allowed"]) == (201, False)
