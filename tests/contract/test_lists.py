"""Lists: pages, the past, the future and what was compacted."""

import pytest

from tests.contract.client import Client, revision_of

NAMES = ("a", "b", "c", "d", "e")


async def exactly(api: Client, revision: int, **query):
    """List as it was at a revision."""
    query |= {"resourceVersion": revision, "resourceVersionMatch": "Exact"}
    return await api.call("GET", api.path(), **query)


async def test_a_list_is_in_the_order_of_the_names(api: Client):
    """Items are sorted by key and bear no kind; the list itself does."""
    await api.events("b", "c", "a")

    answer = await api.call("GET", api.path())

    assert (answer.json["kind"], answer.json["apiVersion"]) == ("EventList", "v1")
    assert answer.names == ["a", "b", "c"]
    assert not any(
        {"kind", "apiVersion"} & item.keys() for item in answer.json["items"]
    )


async def test_a_list_knows_its_revision(api: Client):
    """The version of a list is at least that of the last write."""
    last = await api.event("one")

    answer = await api.call("GET", api.path())

    assert revision_of(answer.json) >= revision_of(last)


async def test_a_list_of_all_namespaces_is_sorted_by_namespace(api: Client):
    """Keys begin with the namespace."""
    await api.events("z", "a")

    items = (await api.call("GET", "/api/v1/events")).json["items"]

    keys = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in items]
    assert keys == sorted(keys)
    assert {(api.namespace, "a"), (api.namespace, "z")} <= set(keys)


async def test_pages_make_up_a_list(api: Client):
    """A token leads to the next page until there is none."""
    await api.events(*NAMES)

    pages, token = [], ""
    while not pages or token:
        answer = await api.call("GET", api.path(), limit=2, **{"continue": token})
        pages.append(answer.names)
        token = answer.json["metadata"].get("continue", "")

    assert pages == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_full_last_page_has_no_token(api: Client):
    """Nothing follows a page that ends with the last object."""
    await api.events("a", "b")

    answer = await api.call("GET", api.path(), limit=2)

    assert "continue" not in answer.json["metadata"]


async def test_pages_show_one_moment(api: Client):
    """What changes between two pages does not show in the second."""
    await api.events(*NAMES)
    first = await api.call("GET", api.path(), limit=2)
    await api.delete("d")
    await api.event("f")

    token = {"continue": first.json["metadata"]["continue"]}
    second = await api.call("GET", api.path(), limit=5, **token)

    assert second.names == ["c", "d", "e"]
    assert revision_of(second.json) == revision_of(first.json)


@pytest.mark.parametrize("limit", [0, 1, 5])
async def test_an_exact_list_shows_the_past(api: Client, limit):
    """At a revision there is what there was then, page by page or at once."""
    await api.event("a")
    then = revision_of(await api.event("b", count=1))
    await api.patch("b", {"count": 2})
    await api.delete("a")
    await api.event("c")

    answer = await exactly(api, then, limit=limit)

    assert answer.names == ["a", "b"][: limit or None]
    assert revision_of(answer.json) == then


async def test_an_exact_list_shows_the_old_state_of_an_object(api: Client):
    """An object that was changed since is shown as it was."""
    then = revision_of(await api.event("a", count=1))
    await api.patch("a", {"count": 2})

    (item,) = (await exactly(api, then)).json["items"]

    assert (item["count"], revision_of(item)) == (1, then)


async def test_one_object_can_be_read_as_it_was(api: Client):
    """A name is selected at a revision too: so it was before it was changed."""
    await api.event("a")
    then = revision_of(await api.event("b", count=1))
    await api.patch("b", {"count": 2})

    answer = await exactly(api, then, fieldSelector="metadata.name=b")

    assert [item["count"] for item in answer.json["items"]] == [1]


async def test_a_limit_with_a_version_is_exact(api: Client):
    """Without a match, a limited list is read at the version that is given."""
    then = revision_of(await api.event("a"))
    await api.event("b")

    answer = await api.call("GET", api.path(), limit=5, resourceVersion=then)

    assert (answer.names, revision_of(answer.json)) == (["a"], then)


@pytest.mark.parametrize("query", [{}, {"resourceVersionMatch": "NotOlderThan"}])
async def test_a_list_not_older_than_a_version_is_the_present(api: Client, query):
    """Events are not cached, so the present is what is read."""
    then = revision_of(await api.event("a"))
    await api.event("b")

    answer = await api.call("GET", api.path(), resourceVersion=then, **query)

    assert answer.names == ["a", "b"]


async def test_version_zero_heeds_the_limit(api: Client):
    """Events have no cache that would ignore it."""
    await api.events("a", "b")

    answer = await api.call("GET", api.path(), resourceVersion=0, limit=1)

    assert answer.names == ["a"]
    assert answer.json["metadata"]["continue"]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"limit": 1},
        {"resourceVersionMatch": "NotOlderThan"},
        {"resourceVersionMatch": "Exact", "limit": 1},
    ],
)
async def test_the_future_cannot_be_listed(api: Client, query):
    """A version that has not happened tells of a server that was rolled back."""
    answer = await api.call("GET", api.path(), resourceVersion=10**9, **query)

    assert (answer.status, answer.json["reason"]) == (504, "Timeout")
    assert answer.json["message"].startswith(
        f"Timeout: Too large resource version: {10**9}, current: "
    )
    assert answer.json["details"]["causes"] == [
        {
            "reason": "ResourceVersionTooLarge",
            "message": "Too large resource version",
        }
    ]


async def test_what_was_compacted_cannot_be_listed(api: Client):
    """The compacted revision itself is the oldest that can be read."""
    await api.event("a", count=1)
    edge = revision_of(await api.patch("a", {"count": 2}))
    await api.patch("a", {"count": 3})
    await api.compact(edge)

    oldest = await exactly(api, edge, limit=1)
    older = await exactly(api, edge - 1, limit=1)

    assert oldest.json["items"][0]["count"] == 2
    assert (older.status, older.json["reason"]) == (410, "Expired")
    assert older.json["metadata"] == {}


async def test_an_old_token_comes_with_a_new_one(api: Client):
    """A list that lasted too long can go on, if it may be inconsistent."""
    await api.events("a", "c", "e")
    page = await api.call("GET", api.path(), limit=1)
    await api.delete("c")
    await api.compact(revision_of(await api.event("d")))

    token = {"continue": page.json["metadata"]["continue"]}
    stale = await api.call("GET", api.path(), limit=1, **token)
    token = {"continue": stale.json["metadata"]["continue"]}
    rest = await api.call("GET", api.path(), limit=5, **token)

    assert (stale.status, stale.json["reason"]) == (410, "Expired")
    assert rest.names == ["d", "e"]
    assert revision_of(rest.json) > revision_of(page.json)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sendInitialEvents": "true"}, "sendInitialEvents"),
        ({"resourceVersionMatch": "Exact"}, "resourceVersionMatch"),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": 0},
            "resourceVersionMatch",
        ),
        (
            {"resourceVersionMatch": "Nearly", "resourceVersion": 5},
            "resourceVersionMatch",
        ),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": 5, "continue": "x"},
            "resourceVersionMatch",
        ),
    ],
)
async def test_options_that_do_not_go_together_are_invalid(api: Client, query, field):
    """The refusal names the option."""
    answer = await api.call("GET", api.path(), **query)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.causes == {field}


@pytest.mark.parametrize(
    "query",
    [{"limit": "many"}, {"resourceVersion": "new"}, {"limit": 1, "continue": "there"}],
)
async def test_options_that_mean_nothing_are_bad_requests(api: Client, query):
    """A number is a number, a token one that the server gave."""
    answer = await api.call("GET", api.path(), **query)

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
