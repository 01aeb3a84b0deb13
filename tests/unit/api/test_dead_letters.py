"""Dead letters over the API."""

import pytest

from bridge.operate import replay

PATH = "/api/v1/dead-letters"


@pytest.fixture
async def letters(client, world):
    """Dead letters a and b of hook, c of spare, and an object without an event."""
    await world.store("a", "b")
    await world.give_up()
    await world.store("c", sinks=("spare",))
    await world.give_up("spare")
    await world.reject(b'{"kind":"Event"}')
    page = (await client.get(PATH)).json()
    return {item["id"]: item["handle"] for item in page["items"]}


async def ids(client, **params):
    """Return the ids of dead letters."""
    page = (await client.get(PATH, params={"order": "oldest"} | params)).json()
    return [item["id"] for item in page["items"]]


async def test_dead_letters_are_listed_with_why(client, letters):
    """Newest first; an object that could not be converted has no sink."""
    items = (await client.get(PATH)).json()["items"]

    assert [item["sink"] for item in items] == [None, "spare", "hook", "hook"]
    assert (items[3]["reason"], items[3]["status"]) == ("refused", 400)
    assert items[0]["reason"] == "no such field"


@pytest.mark.parametrize(
    ("order", "expected"), [("newest", ["b", "a"]), ("oldest", ["a", "b"])]
)
async def test_dead_letters_are_chosen_by_sink_and_paged(
    client, letters, order, expected
):
    """`next` leads on, in either order."""
    asked = {"sink": "hook", "order": order}
    page = (await client.get(PATH, params={"limit": 1, **asked})).json()

    found = [item["id"] for item in page["items"]]
    assert found + await ids(client, after=page["next"], **asked) == expected


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"reason": "400", "sink": "hook"}, ["a", "b"]),
        ({"reason": "4xx", "sink": "spare"}, ["c"]),
        ({"reason": "bad", "sink": "spare"}, ["c"]),
        ({"reason": "Refused"}, ["a", "b", "c"]),
        ({"reason": "404"}, []),
        ({"reason": "such field"}, ["raw"]),
        ({"attribute": "id=b"}, ["b"]),
        ({"attribute": "reason=Back*", "sink": "spare"}, ["c"]),
        ({"route": "all"}, ["a", "b", "c"]),
        ({"route": "none"}, []),
        ({"since": "2099-01-01T00:00:00"}, []),
        ({"until": "2000-01-01T00:00:00Z"}, []),
        ({"since": "2000-01-01T00:00:00Z", "until": "2099-01-01"}, [*"abc", "raw"]),
    ],
    ids=str,
)
async def test_dead_letters_are_chosen(client, letters, asked, found):
    """By sink, route, time, attributes and the reason of the last attempt."""
    assert await ids(client, **asked) == found


async def test_dead_letters_are_replayed_by_choice(client, world, letters):
    """What was chosen, and nothing else."""
    body = {"all": True, "attribute": ["id=b"], "reason": "400"}

    answer = await client.post(f"{PATH}/replay", json=body)

    assert answer.json() == {"replayed": 1, "skipped": 0, "next": None}
    assert await ids(client) == ["a", "c", "raw"]


async def test_a_replay_of_many_is_continued(client, letters, monkeypatch):
    """One request takes a bounded time; `next` goes on with what was meant at first."""
    monkeypatch.setattr(replay, "STEP", 1)
    monkeypatch.setattr(replay, "MOST_SECONDS", 0.0)
    body = {"all": True}
    taken = []
    while body.get("after", "") is not None:
        answer = (await client.post(f"{PATH}/replay", json=body)).json()
        body["after"] = answer["next"]
        taken.append(answer["replayed"])

    assert taken == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("place", ["x", "1:", ":d1", "-1:d1", "nan:d1", "1e99:d1"])
async def test_a_place_that_is_none_of_ours_is_refused(client, place):
    """Only `next` of an answer goes on."""
    body = {"all": True, "after": place}

    answer = await client.post(f"{PATH}/purge", json=body)

    assert answer.status_code == 422


async def test_a_dead_letter_is_shown_with_event_and_answer(client, letters):
    """What was sent, and what came back."""
    letter = (await client.get(f"{PATH}/{letters['b']}")).json()

    assert letter["event"]["id"] == "b"
    assert letter["answer"] == "no"
    assert [(one["number"], one["status"]) for one in letter["tries"]] == [(1, 400)]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"kind":"Event"}', {"kind": "Event"}),
        (b"\xff{", "\ufffd{"),
        (b"[" * 230 + b"]" * 230, "[" * 230 + "]" * 230),
        (b"[" * 10_000 + b"]" * 10_000, "[" * 10_000 + "]" * 10_000),
    ],
    ids=["json", "other", "deep", "deeper"],
)
async def test_an_object_that_was_not_converted_is_shown_as_it_came(
    client, world, body, shown
):
    """As JSON where it is that, and not nested too deeply (issue 10, item 30)."""
    await world.reject(body)
    [item] = (await client.get(PATH)).json()["items"]

    letter = (await client.get(f"{PATH}/{item['handle']}")).json()

    assert letter["event"] == shown


async def test_a_dead_letter_that_is_not_there_is_404(client):
    """The error names the handle."""
    assert (await client.get(f"{PATH}/d999")).status_code == 404


async def test_dead_letters_are_replayed_by_handle_each_to_its_own(
    client, world, letters
):
    """They are dead letters no more; what cannot be delivered is skipped."""
    chosen = [letters["a"], letters["c"], letters["raw"], "d999"]

    answer = await client.post(f"{PATH}/replay", json={"handles": chosen})

    assert answer.json() == {"replayed": 2, "skipped": 2, "next": None}
    assert await ids(client) == ["b", "raw"]
    assert (await world.queue.depth("hook")).waiting == 1
    assert world.counted("spare", "replayed") == 1


async def test_all_dead_letters_of_a_sink_are_replayed(client, letters):
    """Those of others stay."""
    body = {"all": True, "sink": "hook"}

    answer = await client.post(f"{PATH}/replay", json=body)

    assert answer.json() == {"replayed": 2, "skipped": 0, "next": None}
    assert await ids(client) == ["c", "raw"]


async def test_dead_letters_are_replayed_to_another_sink(client, world, letters):
    """They stay dead letters of theirs."""
    body = {"all": True, "sink": "hook", "toSink": "spare"}

    answer = await client.post(f"{PATH}/replay", json=body)

    assert answer.json() == {"replayed": 2, "skipped": 0, "next": None}
    assert await ids(client, sink="hook") == ["a", "b"]
    assert (await world.queue.depth("spare")).waiting == 2


async def test_dead_letters_of_a_sink_that_is_gone_are_skipped(client, world, letters):
    """Nothing would ever lease them; `to` finds them another."""
    del world.health.sinks["hook"]

    answer = await client.post(f"{PATH}/replay", json={"all": True})

    assert answer.json() == {"replayed": 1, "skipped": 3, "next": None}


async def test_many_dead_letters_are_replayed_in_chunks(
    client, world, letters, monkeypatch
):
    """Each chunk is small, and none is forgotten or taken twice."""
    monkeypatch.setattr(replay, "STEP", 1)

    answer = await client.post(f"{PATH}/replay", json={"all": True})

    assert answer.json() == {"replayed": 3, "skipped": 1, "next": None}


async def test_dead_letters_are_purged_by_handle(client, world, letters):
    """They are gone for good, those of no sink too."""
    chosen = [letters["a"], letters["raw"], "d999"]

    answer = await client.post(f"{PATH}/purge", json={"handles": chosen})

    assert answer.json() == {"purged": 2, "next": None}
    assert await ids(client) == ["b", "c"]


@pytest.mark.parametrize(
    ("body", "left"),
    [({"all": True, "sink": "hook"}, ["c", "raw"]), ({"all": True}, [])],
    ids=str,
)
async def test_all_dead_letters_are_purged(client, letters, body, left):
    """Of one sink, or of all."""
    await client.post(f"{PATH}/purge", json=body)

    assert await ids(client) == left


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"all": True, "handles": ["d1"]},
        {"all": False},
        {"sink": "hook"},
        {"sink": "hook", "handles": ["d1"]},
        {"after": "1:d1", "handles": ["d1"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", ["replay", "purge"])
async def test_a_selection_without_sense_is_refused(client, verb, body):
    """Nothing happens by mistake."""
    answer = await client.post(f"{PATH}/{verb}", json=body)

    assert answer.status_code == 422
    assert "expected" in answer.json()["error"] or "should be" in answer.text


async def test_a_replay_to_a_sink_that_is_not_there_is_404(client, letters):
    """The error names it."""
    body = {"all": True, "toSink": "none"}

    answer = await client.post(f"{PATH}/replay", json=body)

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "no such sink: none"},
    )


async def test_what_dies_again_meanwhile_is_not_replayed_twice(
    client, world, monkeypatch
):
    """A sink that refuses at once must not keep a replay of all going for ever."""
    monkeypatch.setattr(replay, "STEP", 1)
    await world.store("a", "b")
    await world.give_up()
    enqueue = world.queue.enqueue

    async def refused_again(sink, handles):
        count = await enqueue(sink, handles)
        await world.give_up()
        return count

    monkeypatch.setattr(world.queue, "enqueue", refused_again)

    answer = await client.post(f"{PATH}/replay", json={"all": True})

    assert answer.json() == {"replayed": 2, "skipped": 0, "next": None}
