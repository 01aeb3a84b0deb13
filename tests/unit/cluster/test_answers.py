"""Answers with status 200 that are not what was asked for (issue 10, item 9)."""

import json

import pytest

from bridge.cluster import CORE_EVENTS, Resource
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import Target
from bridge.errors import NotServedError, UnreadableError
from tests.unit.cluster.server import Answer, connected

CATS = Resource(group="shop.io", version="v1", plural="cats", kind="Cat")
GOOD = {"kind": "EventList", "metadata": {"resourceVersion": "9"}, "items": []}


def answer(**changes):
    """A list of Events that is changed so; None: without that member."""
    body = {**GOOD, **changes}
    return Answer(body=json.dumps({k: v for k, v in body.items() if v != "-"}).encode())


@pytest.mark.parametrize(
    "strange",
    [
        Answer(body=b"{}"),
        Answer(body=b"null"),
        Answer(body=b"[]"),
        Answer(body=b'{"kind":"Status","status":"Failure","code":500}'),
        answer(kind="-"),
        answer(kind=7),
        answer(kind="PodList"),
        answer(kind="Event"),
        answer(items="-"),
        answer(items=[7], metadata={}),
        answer(metadata="-"),
        answer(metadata={}),
        answer(metadata={"resourceVersion": ""}),
        answer(metadata={"resourceVersion": "0"}),
        answer(metadata={"resourceVersion": 9}),
        answer(metadata={"resourceVersion": "9" * 400}),
        answer(metadata={"resourceVersion": "9", "continue": 7}),
    ],
    ids=lambda one: one.body.decode()[:60],
)
async def test_what_is_no_list_of_the_kind_is_an_error(tmp_path, strange):
    """Never an empty cluster, on the first page as on the next (items 9 and 10)."""
    async with connected(tmp_path, answer(), strange) as (client, _):
        await client.list_page(CORE_EVENTS)

        with pytest.raises(UnreadableError, match="list events in all namespaces: exp"):
            await client.list_page(CORE_EVENTS, continue_token="next")


@pytest.mark.parametrize("kind", ["CatList", "Clowder", "PartialObjectMetadataList"])
async def test_a_custom_resource_may_call_its_lists_as_it_likes(tmp_path, kind):
    """names.listKind of its CustomResourceDefinition, which discovery leaves out."""
    named = answer(kind=kind, apiVersion="shop.io/v1")
    async with connected(tmp_path, named) as (client, _):
        found = await client.list_page(CATS)

    assert found.resource_version == "9"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "Clowder", "apiVersion": "shop.io/v2"},
        {"kind": "Clowder"},
        {"kind": "Cat", "apiVersion": "shop.io/v1"},
        {"kind": "Status", "apiVersion": "shop.io/v1"},
        {"kind": "", "apiVersion": "shop.io/v1"},
    ],
)
async def test_other_lists_are_no_lists_of_a_custom_resource(tmp_path, changes):
    """The apiVersion has to be right at least."""
    async with connected(tmp_path, answer(**changes)) as (client, _):
        with pytest.raises(UnreadableError, match="expected a CatList, got"):
            await client.list_page(CATS)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"kind":"Status"}', b'{"kind":"APIResourceList"}', b"[]"],
    ids=bytes.decode,
)
@pytest.mark.parametrize(
    "target", [Target(api_version="v1", kind="Pod"), Target(resource="cats.shop.io")]
)
async def test_what_is_no_discovery_does_not_say_that_nothing_is_served(
    tmp_path, body, target
):
    """It is asked again, and nothing that is read is given up."""
    async with connected(tmp_path, Answer(body=body)) as (client, _):
        with pytest.raises(UnreadableError, match="expected a"):
            await find_resource(client, target)


async def test_an_empty_discovery_says_that_nothing_is_served(tmp_path):
    """Go writes a nil slice as null."""
    empty = Answer(body=b'{"kind":"APIResourceList","resources":null}')
    async with connected(tmp_path, empty) as (client, _):
        with pytest.raises(NotServedError):
            await find_resource(client, Target(api_version="v1", kind="Pod"))
