"""Lists over the API: their order, their places, and what they hold in memory."""

import asyncio
import tracemalloc

import pytest
from msgspec import structs

from bridge.events.encode import encode
from bridge.operate import READERS_AT_ONCE, replay, streams
from bridge.queue import Dead, Entry
from tests.unit.api.asking import PATH, ids
from tests.unit.api.world import event

LISTS = ("/api/v1/events", "/api/v1/deliveries", "/api/v1/dead-letters")


def name_of(item):
    """Return the id of whatever is listed."""
    return item["id"] if "id" in item else item["attributes"]["id"]


async def page_of(client, path=PATH, **asked):
    """Return one page."""
    answer = await client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def walked(client, path=PATH, **asked):
    """Return all ids, page by page, at most a hundred pages."""
    found: list[str] = []
    for _ in range(100):
        page = await page_of(client, path, **asked)
        found += [name_of(one) for one in page["items"]]
        if page["next"] is None:
            return found
        asked["after"] = page["next"]
    raise AssertionError("endless")


@pytest.mark.parametrize("limit", [1, 2, 4, 7])
@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_deliveries_in_all_states_are_paged(client, mixed, order, limit):
    """In the order of their times, whatever the size of a page (issue 10, item 19)."""
    whole = await ids(client, state="all", order=order)

    assert await walked(client, order=order, limit=limit) == whole
    assert whole == (list("ccbaed") if order == "newest" else list("deabcc"))


async def test_a_page_holds_still_while_things_happen(client, world, mixed):
    """What comes after the first page was asked for is not met half-way."""
    first = await page_of(client, limit=2)
    await world.store("late")
    await world.give_up()

    rest = await walked(client, limit=2, after=first["next"])

    assert [one["id"] for one in first["items"]] + rest == list("ccbaed")


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_followed(client, world, mixed, path):
    """`follow` leads to what comes next, and on from there (issue 10, item 19)."""
    place = (await page_of(client, path, limit=1))["follow"]
    seen = []
    for name in ("new-1", "new-2"):
        await world.store(name)
        await world.give_up()
        page = await page_of(client, path, order="oldest", after=place)
        seen.append([name_of(one) for one in page["items"]])
        place = page["follow"]

    assert [one[-1:] for one in seen] == [["new-1"], ["new-2"]]
    assert (await page_of(client, path, order="oldest", after=place))["items"] == []


@pytest.mark.parametrize("path", LISTS)
async def test_an_empty_list_is_followed_from_the_start(client, world, path):
    """There is no place yet, and then there is."""
    nothing = await page_of(client, path)
    await world.store("a")
    await world.give_up()

    page = await page_of(client, path, order="oldest")

    assert (nothing["items"], nothing["next"], nothing["follow"]) == ([], None, None)
    assert [name_of(one) for one in page["items"]] == ["a"]
    later = await page_of(client, path, order="oldest", after=page["follow"])
    assert (later["items"], later["follow"]) == ([], page["follow"])


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("all", "d1"),
        ("all", "began=x|dead=d1"),
        ("all", "began=1.000000|none=d1"),
        ("all", "dead=e1"),
        ("all", "waiting=hook/x"),
        ("all", "delivered=j1"),
        ("delivered", "e1"),
        ("delivered", f"j{10**19}.0"),
        ("waiting", "hook"),
        ("dead", f"d{10**19}"),
    ],
)
async def test_a_place_that_is_none_is_refused(client, mixed, state, after):
    """With a sentence (issue 10, item 42)."""
    answer = await client.get(PATH, params={"state": state, "after": after})

    assert answer.status_code == 422
    assert "expected" in answer.json()["error"]


LETTERS = 40


def large_event(number):
    """Return an event of 300 kB."""
    data = b'"%s"' % (b"x" * 300_000)
    return structs.replace(event(f"large-{number}"), data=data)


@pytest.fixture
async def large(world):
    """Dead letters of 300 kB each."""
    for number in range(LETTERS):
        one = large_event(number)
        await world.put([Entry(event=one, encoded=encode(one), sinks=("hook",))])
        [lease] = await world.queue.lease("hook", 1)
        await world.queue.settle([Dead(lease=lease, reason="no")])


async def peak_of(doing):
    """Return the most memory that was held at once, and what came of it."""
    tracemalloc.start()
    try:
        answer = await doing
        return tracemalloc.get_traced_memory()[1], answer
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_holds_no_bodies(client, large, path):
    """12 MB of events are listed in a fraction of it (issue 10, item 36)."""
    peak, answer = await peak_of(client.get(path, params={"limit": 500}))

    assert len(answer.json()["items"]) == LETTERS
    assert peak < 2_500_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/dead-letters/replay", {"all": True}),
        ("/api/v1/dead-letters/purge", {"all": True}),
        ("/api/v1/dead-letters/purge", {"all": True, "attribute": ["id=large*"]}),
        ("/api/v1/deliveries/replay", {"toSink": "spare", "state": "dead"}),
        ("/api/v1/deliveries/replay", {"toSink": "spare"}),
    ],
)
async def test_a_replay_and_a_purge_hold_no_bodies(client, large, path, body):
    """They work on handles (issue 10, item 36)."""
    peak, answer = await peak_of(client.post(path, json=body))

    done = answer.json()
    assert done.get("replayed", 0) + done.get("purged", 0) == LETTERS
    assert peak < 2_500_000


async def test_a_backfill_holds_few_bodies(client, large):
    """Each event is looked at whole, but held no longer (issue 10, item 36)."""
    body = {"toSink": "spare", "backfill": True}

    peak, answer = await peak_of(client.post("/api/v1/deliveries/replay", json=body))

    assert answer.json()["replayed"] == LETTERS
    assert peak < 8_000_000


async def test_a_dead_letter_is_shown_by_few_copies(client, large):
    """Its bytes go out as they are; others are not read."""
    peak, answer = await peak_of(client.get("/api/v1/dead-letters/d7"))

    assert len(answer.json()["event"]["data"]) == 300_000
    assert peak < 4_000_000


async def test_an_object_that_is_nested_too_deeply_is_shown_as_text(client, world):
    """Nothing of ours reads it on the way (issue 10, items 30 and 42)."""
    await world.reject(b"[" * 50_000)

    answer = await client.get("/api/v1/dead-letters/d1")

    assert answer.json()["event"] == "[" * 50_000


async def test_few_requests_look_through_rows_at_a_time(
    client, world, mixed, monkeypatch
):
    """Others wait for their turn (issue 10, item 36)."""
    looking, most = 0, 0
    walk = streams.walk

    async def watched(*args, **more):
        nonlocal looking, most
        looking += 1
        most = max(most, looking)
        await asyncio.sleep(0)
        found = await walk(*args, **more)
        looking -= 1
        return found

    monkeypatch.setattr("bridge.operate.find.walk", watched)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(9):
            tasks.create_task(client.get(PATH))

    assert most == READERS_AT_ONCE


async def test_delivered_events_are_read_in_one_step_of_a_replay(
    client, world, monkeypatch
):
    """Step by step, each in one transaction."""
    monkeypatch.setattr(replay, "STEP", 2)
    await world.store("a", "b", "c")
    await world.deliver()
    body = {"toSink": "spare", "state": "delivered"}

    answer = await client.post("/api/v1/deliveries/replay", json=body)

    assert answer.json()["replayed"] == 3
