"""Watches: where they begin, what they show, how they end."""

import asyncio

import pytest

from tests.contract.client import INITIAL, Client, gist, revision_of, types
from tests.contract.samples import KINDS

END_OF_INITIAL = {"k8s.io/initial-events-end": "true"}


async def test_a_watch_from_a_version_shows_what_came_after(api: Client):
    """Every write is shown once, in order, with the version that it made."""
    start = revision_of(await api.event("one"))
    changed = await api.patch("one", {"count": 2})
    added = await api.event("two")
    await api.delete("one")

    async with api.watch(resourceVersion=start) as stream:
        modified, other, deleted = await stream.take(3)

    assert modified == {"type": "MODIFIED", "object": changed}
    assert other == {"type": "ADDED", "object": added}
    assert deleted["type"] == "DELETED"


async def test_a_deleted_object_has_its_last_state_and_a_new_version(api: Client):
    """The version of a deletion is newer than that of the last change."""
    start = revision_of(await api.event("one"))
    changed = await api.patch("one", {"count": 2})
    await api.delete("one")

    async with api.watch(resourceVersion=start) as stream:
        _, deleted = await stream.take(2)

    assert revision_of(deleted["object"]) > revision_of(changed)
    deleted["object"]["metadata"]["resourceVersion"] = changed["metadata"][
        "resourceVersion"
    ]
    assert deleted["object"] == changed


async def test_changes_are_shown_as_they_happen(api: Client):
    """An open watch is told of a write at once."""
    async with api.watch(resourceVersion=await api.revision()) as stream:
        for name in ("one", "two"):
            created = await api.event(name)
            assert await stream.next() == {"type": "ADDED", "object": created}


async def test_a_watch_of_a_namespace_shows_no_other(api: Client):
    """What happens elsewhere is not shown, though it makes versions."""
    async with api.watch(resourceVersion=await api.revision()) as stream:
        elsewhere = "/api/v1/namespaces/default/events"
        about = {"involvedObject": {"kind": "Node", "name": "n"}, "reason": "R"}
        value = {"metadata": {"generateName": "elsewhere-"}, **about}
        await api.call("POST", elsewhere, value)
        created = await api.event("here")

        assert (await stream.next())["object"] == created


async def test_a_watch_of_all_namespaces_shows_each(api: Client):
    """Without a namespace in the path nothing is left out."""
    start = await api.revision()
    created = await api.event("one")

    async with api.watch("/api/v1/events", resourceVersion=start) as stream:
        while (line := await stream.next())["object"] != created:
            pass

    assert line["type"] == "ADDED"


async def test_a_watch_in_the_new_form_shows_the_new_form(api: Client):
    """A watch speaks the names of the API that is watched."""
    start = await api.revision()
    created = await api.event("one")

    path = api.path("events.k8s.io/v1/events")
    async with api.watch(path, resourceVersion=start) as stream:
        seen = (await stream.next())["object"]

    assert (seen["kind"], seen["apiVersion"]) == ("Event", "events.k8s.io/v1")
    assert (seen["note"], seen["metadata"]) == (created["message"], created["metadata"])


@pytest.mark.parametrize("query", [{}, {"resourceVersion": 0}])
async def test_a_watch_from_nowhere_begins_with_the_state(api: Client, query):
    """Without a version, what is there is shown as ADDED, in the order of names."""
    await api.events("b", "a")

    async with api.watch(**query) as stream:
        initial = await stream.take(2)
        await api.patch("a", {"count": 2})
        change = await stream.next()

    assert gist(initial) == [("ADDED", "a"), ("ADDED", "b")]
    assert gist([change]) == [("MODIFIED", "a")]


@pytest.mark.parametrize(
    "query",
    [INITIAL, {"allowWatchBookmarks": "true"}],
    ids=["asked for", "from nowhere"],
)
async def test_a_bookmark_ends_the_initial_events(api: Client, query):
    """The bookmark bears an annotation, and the version from which to resume."""
    created = await api.events("b", "a")

    async with api.watch(**query) as stream:
        lines = await stream.take(3)
        await api.event("c")
        change = await stream.next()

    assert types(lines) == ["ADDED", "ADDED", "BOOKMARK"]
    bookmark = lines[-1]["object"]
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("Event", "v1")
    assert bookmark["metadata"].keys() == {"resourceVersion", "annotations"}
    assert bookmark["metadata"]["annotations"] == END_OF_INITIAL
    assert revision_of(bookmark) >= revision_of(created[-1])
    assert gist([change]) == [("ADDED", "c")]


@pytest.mark.parametrize("resource", KINDS)
async def test_every_kind_can_begin_with_its_state(api: Client, resource):
    """Initial events and their bookmark are no privilege of Events."""
    created = await api.create(
        resource, {"metadata": {"name": "web"}, **KINDS[resource]}
    )

    async with api.watch(api.path(resource), **INITIAL) as stream:
        added, bookmark = await stream.take(2)

    assert gist([added]) == [("ADDED", "web")]
    assert (
        END_OF_INITIAL.items() <= bookmark["object"]["metadata"]["annotations"].items()
    )
    assert revision_of(bookmark["object"]) >= revision_of(created)


async def test_initial_events_are_as_new_as_wanted(api: Client):
    """With a version, the state is not older than that, and is the present."""
    then = revision_of(await api.event("a"))
    await api.event("b")

    async with api.watch(**INITIAL, resourceVersion=then) as stream:
        lines = await stream.take(3)

    assert types(lines) == ["ADDED", "ADDED", "BOOKMARK"]


async def test_no_bookmark_comes_unasked(api: Client):
    """Who does not allow bookmarks gets none, not even the first."""
    await api.event("a")
    query = INITIAL | {"allowWatchBookmarks": "false", "timeoutSeconds": 1}

    async with api.watch(**query) as stream:
        lines = await stream.rest()

    assert types(lines) == ["ADDED"]


async def test_initial_events_can_be_declined(api: Client):
    """A watch may begin with what comes next."""
    await api.event("a")

    query = INITIAL | {"sendInitialEvents": "false"}
    async with api.watch(**query) as stream:
        await api.event("b")
        first = await stream.next()

    assert gist([first]) == [("ADDED", "b")]


async def test_events_get_no_bookmarks_later(api: Client):
    """Events are not cached, and who has no cache makes no bookmarks."""
    query = {"allowWatchBookmarks": "true", "timeoutSeconds": 3}

    async with api.watch(resourceVersion=await api.revision(), **query) as stream:
        await api.create("v1/configmaps", {"metadata": {"name": "other"}})
        lines = await stream.rest()

    assert lines == []


async def test_other_kinds_get_bookmarks(api: Client):
    """A quiet watch learns that time goes on: here before it ends."""
    path = api.path("v1/configmaps")
    start = revision_of((await api.call("GET", path)).json)
    query = {"allowWatchBookmarks": "true", "timeoutSeconds": 5}

    async with api.watch(path, resourceVersion=start, **query) as stream:
        elsewhere = "/api/v1/namespaces/default/configmaps"
        value = {"metadata": {"generateName": "elsewhere-"}}
        created = (await api.call("POST", elsewhere, value)).json
        while revision_of((line := await stream.next())["object"]) < revision_of(
            created
        ):
            pass

    assert (line["type"], line["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
    assert line["object"]["metadata"].keys() == {"resourceVersion"}


async def test_a_watch_ends_in_time(api: Client):
    """After ``timeoutSeconds`` the stream ends without a word."""
    query = {"resourceVersion": await api.revision(), "timeoutSeconds": 1}

    async with api.watch(**query) as stream:
        lines = await stream.rest()

    assert lines == []


@pytest.mark.parametrize(
    "query",
    [
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "false"},
        {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "NotOlderThan", "resourceVersion": 5},
    ],
)
async def test_options_that_do_not_go_together_are_invalid(api: Client, query):
    """Initial events and a match belong together."""
    answer = await api.call("GET", api.path(), watch="true", **query)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.causes == {"resourceVersionMatch"}


async def test_many_watches_see_the_same(api: Client):
    """Each watch reads at its own pace."""
    start = await api.revision()
    async with api.watch(resourceVersion=start) as one, api.watch() as other:
        await asyncio.sleep(0)
        await api.events("a", "b", "c")
        seen = [await stream.take(3) for stream in (one, other)]

    assert seen[0] == seen[1]
