"""Deliveries over the API: listed, shown, replayed and purged."""

import pytest

from bridge.api import rows, steps
from bridge.errors import ClusterError
from tests.unit.api.world import event

PATH = "/api/v1/deliveries"


async def listed(client, **asked):
    """Return the deliveries on a page."""
    answer = await client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def ids(client, **asked):
    """Return the ids of the deliveries on a page."""
    return [one["id"] for one in await listed(client, **asked)]


@pytest.fixture
async def mixed(world):
    """Of hook: a and b failed with 503, c is fresh, d was delivered, e is dead."""
    await world.store("d")
    await world.deliver()
    await world.store("e", routes=("pods", "all"))
    await world.give_up()
    await world.store("a", "b", reason="Killing")
    await world.fail()
    await world.store("c", sinks=("hook", "spare"))


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
    """A place names sink and event."""
    await world.store("a", "b", sinks=("hook", "spare"))
    found, after = [], {}
    while after is not None:
        page = (await client.get(PATH, params={"limit": 1, **after})).json()
        found += [(one["sink"], one["id"]) for one in page["items"]]
        after = page["next"] and {"after": page["next"]}

    assert found == [("hook", "a"), ("hook", "b"), ("spare", "a"), ("spare", "b")]


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

    assert found == [["a", "b"], ["c"]]


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
    monkeypatch.setattr(rows, "MOST_SCANNED", 2)
    await world.store("a", "b", "c")

    page = (await client.get(PATH, params={"attribute": "id=c"})).json()

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
    assert (one["deadLetter"] is not None) == (state == "dead")


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


async def replayed(client, **body):
    """Return what came of a replay."""
    answer = await client.post(f"{PATH}/replay", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def waiting(world, sink):
    """Return the ids of what waits for a sink."""
    return [one.event.id async for one in world.queue.waiting(sink, None)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, ["d", "e", "a", "b", "c"]),
        ({"attribute": ["reason=Killing"]}, ["a", "b", "c"]),
        ({"route": "pods"}, ["e", "c"]),
        ({"state": "dead"}, ["e", "c"]),
        ({"state": "delivered"}, ["d", "c"]),
        ({"state": "waiting", "sink": "hook", "reason": "503"}, ["a", "b", "c"]),
        ({"handles": ["e1", "d1", "e1"]}, ["d", "e", "c"]),
    ],
    ids=str,
)
async def test_events_are_replayed_to_a_sink(client, world, mixed, body, found):
    """By handle or by choice; what waits there already, as c, is not doubled."""
    await replayed(client, to="spare", **body)

    assert await waiting(world, "spare") == found


async def test_a_replay_says_what_it_did(client, world, mixed):
    """How many wait now, and how far back it reached; they are counted."""
    answer = await replayed(client, to="spare")

    [oldest] = [one["stored"] for one in await listed(client, state="delivered")]
    assert (answer["replayed"], answer["skipped"], answer["kept"]) == (4, 1, 4)
    assert (answer["oldest"], answer["next"], answer["listed"]) == (oldest, None, [])
    assert world.counted("spare", "replayed") == 4


async def test_dead_letters_replayed_to_their_own_sink_are_none_any_more(
    client, world, mixed
):
    """They wait again; objects that could not be converted are left."""
    await world.reject(b'{"kind":"Event"}')

    answer = await replayed(client, to="hook", state="dead")

    assert (answer["replayed"], answer["skipped"]) == (1, 0)
    assert await ids(client, state="dead") == ["raw"]


async def test_a_replay_is_continued(client, world, mixed, monkeypatch):
    """`next` goes on; events that came meanwhile are not meant."""
    monkeypatch.setattr(steps, "STEP", 2)
    monkeypatch.setattr(steps, "MOST_SECONDS", 0.0)
    body = {"to": "spare"}
    while body.get("next", "") is not None:
        body["next"] = (await replayed(client, **body))["next"]
        await world.store(f"late-{body['next']}")

    assert await waiting(world, "spare") == ["d", "e", "a", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to": "spare", "sink": "hook"},
        {"to": "spare", "handles": ["e1"], "backfill": True},
        {"to": "spare", "handles": ["e1"], "route": "all"},
        {"to": "spare", "handles": []},
        {"to": "spare", "handles": ["x1"]},
        {"to": "spare", "state": "dead", "backfill": True},
        {"to": "spare", "next": "x"},
    ],
    ids=str,
)
async def test_a_replay_without_sense_is_refused(client, body):
    """Nothing happens by mistake."""
    assert (await client.post(f"{PATH}/replay", json=body)).status_code == 422


async def test_a_replay_to_a_sink_that_is_not_there_is_404(client):
    """The error names it."""
    answer = await client.post(f"{PATH}/replay", json={"to": "none"})

    assert (answer.status_code, answer.json()["error"]) == (404, "no such sink: none")


async def test_backfill_goes_on_with_what_the_api_server_holds(client, world):
    """First what is stored and a route leads there, then lists without the same."""
    await world.store("a", "b")
    world.backfill.refused = {"b"}
    world.backfill.pages = [["a", "x"], ["b", "x", "y"]]

    answer = await replayed(client, to="spare", backfill=True)

    assert await waiting(world, "spare") == ["a"]
    assert world.backfill.put == ["x", "b", "y"]
    assert (answer["replayed"], answer["kept"], answer["next"]) == (4, 1, None)
    [reached] = answer["listed"]
    assert (reached["listed"], reached["replayed"]) == (5, 3)
    assert reached["oldest"] == "2026-11-20T10:00:00Z"


async def test_backfill_takes_what_is_chosen(client, world):
    """The same questions are asked of what is listed; its time is that of the event."""
    world.backfill.pages = [["x", "y"]]

    await replayed(client, to="spare", backfill=True, attribute=["id=y"], route="all")
    await replayed(client, to="spare", backfill=True, since="2020-01-01T00:00:00Z")

    assert world.backfill.put == ["y"]
    assert event("x").time is None


async def test_backfill_is_continued(client, world, monkeypatch):
    """A page a request, if no more is possible in its time."""
    monkeypatch.setattr(steps, "MOST_SECONDS", 0.0)
    await world.store("a")
    world.backfill.pages = [["x"], ["y"]]
    body, answers = {"to": "spare", "backfill": True}, []
    while body.get("next", "") is not None:
        answers.append(await replayed(client, **body))
        body["next"] = answers[-1]["next"]

    assert [one["replayed"] for one in answers] == [1, 1, 1]
    assert world.backfill.put == ["x", "y"]


async def test_backfill_with_nothing_to_list_ends(client, world):
    """No source of the sink is read."""
    answer = await replayed(client, to="spare", backfill=True)

    assert (answer["replayed"], answer["next"], answer["listed"]) == (0, None, [])


async def test_backfill_says_when_the_api_server_does_not_answer(client, world):
    """503; the same request may come again."""
    world.backfill.fault = ClusterError("no answer")

    answer = await client.post(f"{PATH}/replay", json={"to": "hook", "backfill": True})

    assert (answer.status_code, answer.json()) == (503, {"error": "no answer"})


async def test_waiting_deliveries_are_purged(client, world, mixed):
    """Those that are meant, and no others; they are counted."""
    body = {"sink": "hook", "reason": "503"}

    answer = await client.post(f"{PATH}/purge", json=body)

    assert answer.json() == {"purged": 2, "next": None}
    assert await waiting(world, "hook") == ["c"]
    assert await waiting(world, "spare") == ["c"]
    assert world.counted("hook", "purged") == 2
