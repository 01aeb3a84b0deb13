"""Deliveries over the API: listed and shown."""

import pytest

from bridge.operate import streams
from tests.unit.api.asking import PATH, ids, listed


async def test_waiting_deliveries_say_why(client, mixed):
    """The last attempt, and when the next one is due."""
    first, _, third, other = await listed(client)

    assert (first["sink"], first["status"], first["reason"]) == ("hook", 503, "refused")
    assert first["due"] > first["at"] > first["stored"]
    assert (third["attempts"], third["status"], third["due"]) == (0, None, None)
    assert (other["id"], other["sink"], other["routes"]) == ("c", "spare", ["all"])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["a", "b", "c", "c"]),
        ({"state": "all", "order": "newest"}, ["c", "c", "b", "a", "e", "d"]),
        ({"state": "all"}, ["d", "e", "a", "b", "c", "c"]),
        ({"state": "all", "reason": "4xx"}, ["e"]),
        ({"state": "all", "attribute": "id=d"}, ["d"]),
        ({"sink": "spare"}, ["c"]),
        ({"sink": "none"}, []),
        ({"reason": "5xx"}, ["a", "b"]),
        ({"reason": "refus"}, ["a", "b"]),
        ({"attribute": ["reason=Kill*", "id=b"]}, ["b"]),
        ({"state": "delivered"}, ["d"]),
        ({"state": "delivered", "sink": "spare"}, []),
        ({"state": "delivered", "attribute": "id=d"}, ["d"]),
        ({"state": "delivered", "route": "none"}, []),
        ({"state": "dead", "route": "pods"}, ["e"]),
        ({"state": "dead", "until": "2020-01-01"}, []),
    ],
    ids=str,
)
async def test_deliveries_are_chosen(client, mixed, asked, found):
    """By state, sink, route, time, attributes and reason."""
    assert await ids(client, **asked) == found


async def test_deliveries_are_paged_over_sinks(client, world):
    """A place names sink and event; the newest come first."""
    await world.store("a", "b", sinks=("hook", "spare"))
    found, after = [], {}
    while after is not None:
        asked = {"limit": 1, "state": "waiting", **after}
        page = (await client.get(PATH, params=asked)).json()
        found += [(one["sink"], one["id"]) for one in page["items"]]
        after = page["next"] and {"after": page["next"]}

    assert found == [("spare", "b"), ("hook", "b"), ("spare", "a"), ("hook", "a")]


async def test_delivered_ones_are_paged(client, world):
    """By their place in the journal; a request looks at a bounded number."""
    await world.store("a", "b", "c")
    await world.deliver()
    found, after = [], {}
    while after is not None:
        asked = {"state": "delivered", "limit": 2, **after}
        page = (await client.get(PATH, params=asked)).json()
        found.append([one["id"] for one in page["items"]])
        after = page["next"] and {"after": page["next"]}

    assert found == [["c", "b"], ["a"]]


async def test_a_delivered_event_that_is_gone_is_still_listed(client, world):
    """Its id is in the journal; attributes of it are not asked any more."""
    world.journal.add(world.attempt(event="e77", id="gone"))

    [one] = await listed(client, state="delivered")

    assert (one["id"], one["type"], one["stored"]) == ("gone", None, None)
    assert await ids(client, state="delivered", attribute="id=gone") == []


async def test_a_request_looks_at_a_bounded_number_of_deliveries(
    client, world, monkeypatch
):
    """A page may be empty although there are more."""
    monkeypatch.setattr(streams, "MOST_SCANNED", 2)
    await world.store("a", "b", "c")

    asked = {"state": "waiting", "attribute": "id=a"}
    page = (await client.get(PATH, params=asked)).json()

    assert (page["items"], page["next"]) == ([], "hook/e2")


@pytest.mark.parametrize(
    "asked",
    [{"attribute": "=x"}, {"state": "none"}, {"since": "x"}, {"colour": "red"}],
    ids=str,
)
async def test_a_selection_without_sense_is_refused(client, asked):
    """With a line that names it."""
    answer = await client.get(PATH, params=asked)

    assert answer.status_code == 422
    assert next(iter(asked)) in answer.json()["error"]


@pytest.mark.parametrize(
    ("event", "state", "endings"),
    [
        ("e1", "delivered", [("delivered", "thanks")]),
        ("e2", "dead", [("dead", "no")]),
        ("e3", "waiting", [("retry", "")]),
        ("e5", "waiting", []),
    ],
)
async def test_a_delivery_is_shown_with_every_attempt(
    client, mixed, event, state, endings
):
    """And with its event."""
    one = (await client.get(f"{PATH}/{event}/hook")).json()

    assert one["state"] == state
    assert [(each["ending"], each["excerpt"]) for each in one["tries"]] == endings
    assert one["content"]["data"] == {"a": 1}
    assert (one["deadLetterHandle"] is not None) == (state == "dead")


async def test_a_delivery_whose_event_is_gone_is_shown_from_the_journal(client, world):
    """As much as is remembered."""
    world.journal.add(world.attempt(event="e77", id="gone", ending="dead"))

    one = (await client.get(f"{PATH}/e77/hook")).json()

    assert (one["id"], one["state"], one["content"]) == ("gone", "dead", None)
    assert len(one["tries"]) == 1


async def test_attempts_of_another_queue_file_are_not_shown(client, world):
    """A handle may be used again where a queue was begun anew; an id is not."""
    world.journal.add(world.attempt(event="e1", id="of-another", ending="retry"))
    await world.store("a")
    await world.fail()

    one = (await client.get(f"{PATH}/e1/hook")).json()

    assert [each["status"] for each in one["tries"]] == [503]


async def test_a_delivery_of_another_queue_file_is_not_taken_for_this_ones(
    client, world
):
    """The event that has the handle now is another one."""
    world.journal.add(world.attempt(event="e1", id="of-another"))
    await world.store("a", sinks=("spare",))

    [one] = await listed(client, state="delivered")
    shown = (await client.get(f"{PATH}/e1/hook")).json()

    assert (one["id"], one["type"]) == ("of-another", None)
    assert (shown["id"], shown["content"]) == ("of-another", None)


@pytest.mark.parametrize("path", ["e9/hook", "e1/spare", "x/hook", "e0/hook"])
async def test_a_delivery_that_is_not_known_is_404(client, world, path):
    """The error names it."""
    await world.store("a")

    answer = await client.get(f"{PATH}/{path}")

    assert answer.status_code == 404
    assert "no such delivery" in answer.json()["error"]
