"""The verbs that ask a running bridge."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from bridge.cli import listing
from tests.unit.api.world import SCOPE, SCOPE_ID


async def items(ask, *words):
    """Return what a list verb prints as JSON."""
    result = await ask(*words, "list")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["items"]


@pytest.mark.parametrize(
    ("noun", "heading", "row"),
    [
        ("sources", "SOURCES   RESOURCE", "events    events     shop"),
        ("sinks", "NAME    STATE    WAITING", "hook    active   0"),
        ("events", "HANDLE   STORED", "BackOff"),
        ("dead-letters", "HANDLE   SINK", "refused"),
        ("cursors", "ID             CLUSTER", f"{SCOPE_ID}   uid"),
    ],
)
async def test_lists_are_tables_for_a_person(ask, world, noun, heading, row):
    """With headings, in the manner of kubectl."""
    await world.store("a")
    await world.give_up()

    result = await ask(noun, "list", "-o", "text")

    first, *rest = result.stdout.splitlines()
    assert first.startswith(heading)
    assert any(row in line for line in rest)


async def test_a_cursor_is_set_and_reset(ask, world):
    """By its id, as the list shows it."""
    await world.store("a")
    [cursor] = await items(ask, "cursors")

    was_set = await ask("cursors", "set", cursor["id"], "42", "-y", "-o", "text")
    version = await world.queue.cursor(SCOPE)
    was_reset = await ask("cursors", "reset", cursor["id"], "-y", "-o", "text")

    assert version == "42"
    assert "42" in was_set.stdout
    assert was_reset.stdout == f"cursor {SCOPE_ID} forgotten\n"
    assert await world.queue.cursor(SCOPE) is None


async def test_a_cursor_that_is_not_there_is_an_error(ask):
    """One line, exit code 1."""
    result = await ask("cursors", "reset", "none", "--yes")

    assert result.exit_code == 1
    assert result.stderr.endswith("DELETE refused with 404: no such cursor: none\n")


async def test_a_sink_is_paused_with_a_reason(ask, world):
    """It is shown in the list."""
    paused = await ask("sinks", "pause", "hook", "--reason", "moving", "-o", "text")

    [hook, _] = await items(ask, "sinks")
    assert paused.stdout.endswith("sink hook gets nothing until resumed\n")
    assert (hook["state"], hook["reason"]) == (
        "stopped",
        "stopped by an operator: moving",
    )


async def test_a_sink_is_resumed_and_purged(ask, world):
    """What waited is ended."""
    await world.store("a", "b")

    resumed = await ask("sinks", "resume", "hook", "-o", "text")
    purged = await ask("sinks", "purge", "hook", "--yes", "-o", "text")

    assert resumed.stdout.endswith("sink hook is tried now\n")
    assert purged.stdout == "2 deliveries ended\n"
    assert (await world.queue.depth("hook")).waiting == 0


async def test_an_event_is_shown_and_replayed(ask, world):
    """To a sink of choice."""
    await world.store("a")
    [event] = await items(ask, "events")

    shown = await ask("events", "show", event["handle"], "-o", "text")
    replayed = await ask("events", "replay", "spare", event["handle"], "-o", "text")

    assert json.loads(shown.stdout)["event"]["data"] == {"a": 1}
    assert replayed.stdout == "1 replayed, 0 skipped\n"
    assert (await world.queue.depth("spare")).waiting == 1


async def test_events_are_chosen(ask, world):
    """By attribute and by the sink they wait for."""
    await world.store("a", reason="Killing")
    await world.store("b")
    options = ("--attribute", "reason=Killing", "--sink", "hook")

    result = await ask("events", "list", *options, "--since", "2020-01-01T00:00:00Z")

    [event] = json.loads(result.stdout)["items"]
    assert event["attributes"]["id"] == "a"


async def test_a_dead_letter_is_shown_replayed_and_purged(ask, world):
    """By its handle."""
    await world.store("a", "b")
    await world.give_up()
    first, second = [one["handle"] for one in await items(ask, "dead-letters")]

    shown = await ask("dead-letters", "show", first)
    replayed = await ask("dead-letters", "replay", first, "-o", "text")
    purged = await ask("dead-letters", "purge", second, "-y", "-o", "text")

    assert json.loads(shown.stdout)["answer"] == "no"
    assert replayed.stdout == "1 replayed, 0 skipped\n"
    assert purged.stdout == "1 dead letters gone\n"


async def test_all_dead_letters_of_a_sink_are_replayed_to_another(ask, world):
    """They stay where they were."""
    await world.store("a", "b")
    await world.give_up()

    options = ("--all", "--sink", "hook", "--to-sink", "spare")
    result = await ask("dead-letters", "replay", *options)

    assert json.loads(result.stdout) == {"replayed": 2, "skipped": 0}


async def test_all_dead_letters_are_purged(ask, world):
    """Of every sink."""
    await world.store("a", "b")
    await world.give_up()

    result = await ask("dead-letters", "purge", "--all", "--yes")

    assert json.loads(result.stdout) == {"purged": 2}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "expected either handles or --all"),
        (("d1", "--all"), "expected either handles or --all"),
        (("d1", "--sink", "hook"), "expected --sink only beside --all"),
    ],
    ids=["nothing", "both", "sink"],
)
async def test_a_selection_without_sense_is_a_usage_error(ask, words, error):
    """Exit code 2, before anything is asked."""
    result = await ask("dead-letters", "purge", *words)

    assert result.exit_code == 2
    assert result.stderr == f"kubebridge: {error}\n"


DESTRUCTIVE = (
    ("dead-letters", "purge", "d1"),
    ("dead-letters", "purge", "--all"),
    ("deliveries", "purge", "hook"),
    ("sinks", "purge", "hook"),
    ("cursors", "reset", SCOPE_ID),
    ("cursors", "set", SCOPE_ID, "42"),
)


@pytest.mark.parametrize("words", DESTRUCTIVE, ids=" ".join)
async def test_nothing_is_gone_for_good_by_mistake(ask, world, words):
    """Without a terminal it must be said that it is meant (issue 10, item 17)."""
    await world.store("a", "b")
    await world.give_up()
    await world.store("c")

    result = await ask(*words)

    depth = await world.queue.depth("hook")
    assert result.exit_code == 2
    assert "Expected --yes: there is no terminal to ask at" in result.stderr
    assert (depth.waiting, depth.dead) == (1, 2)
    assert await world.queue.cursor(SCOPE) == "2"


@pytest.mark.parametrize("noun", ["events", "deliveries", "dead-letters"])
async def test_a_list_says_that_there_are_more(ask, world, noun):
    """And how to get them; the newest come first (issue 10, item 19)."""
    await world.store("a", "b", "c")
    await world.give_up()

    result = await ask(noun, "list", "--limit", "2", "-o", "text")
    place = re.search(r"--after '(.*)' goes on", result.stderr)[1]
    rest = await ask(noun, "list", "--after", place, "-o", "text")

    ids = [line.split()[-1] for line in result.stdout.splitlines()[1:]]
    assert result.stderr.startswith("there are more: --limit 4 shows them, ")
    assert (ids, rest.stdout.split()[-1], rest.stderr) == (["c", "b"], "a", "")


async def test_deliveries_in_all_states_are_listed(ask, world):
    """Nobody has to guess the state first (issue 10, item 19)."""
    await world.store("a")
    await world.deliver()
    await world.store("b")
    await world.give_up()
    await world.store("c")

    result = await ask("deliveries", "list", "-o", "text")

    states = [line.split()[2] for line in result.stdout.splitlines()[1:]]
    assert states == ["waiting", "dead", "delivered"]


@pytest.mark.parametrize("form", ["text", "json"])
async def test_a_list_is_followed(ask, world, monkeypatch, form):
    """The newest last, then what comes (issue 10, item 19)."""
    loop = asyncio.get_running_loop()
    more = iter(["c", "d"])

    def happen(_):
        name = next(more, None)
        if name is None:
            raise KeyboardInterrupt
        asyncio.run_coroutine_threadsafe(world.store(name), loop).result()

    monkeypatch.setattr(listing.time, "sleep", happen)
    await world.store("a", "b")

    result = await ask("events", "list", "--follow", "-o", form)

    shown = result.stdout.splitlines()[form == "text" :]
    ids = [one.split()[-1] for one in shown]
    if form == "json":
        ids = [json.loads(one)["attributes"]["id"] for one in shown]
    assert (ids, result.exit_code) == (["a", "b", "c", "d"], 130)


async def test_a_list_is_followed_from_its_newest(ask):
    """And from no other place."""
    result = await ask("events", "list", "--follow", "--after", "e1")

    said = "kubebridge: expected either --follow or --after\n"
    assert (result.exit_code, result.stderr) == (2, said)


async def test_a_sink_that_failed_and_works_again_shows_no_error(ask, world):
    """But when it was; all of it is in `-o wide` (issue 10, item 21)."""
    status = world.health.sinks["hook"]
    now = datetime.now(UTC)
    status.last_error, status.last_error_at = "503 it was", now - timedelta(hours=3)
    status.last_success_at = now - timedelta(seconds=30)

    shown = await ask("sinks", "list", "-o", "text")
    wide = await ask("sinks", "list", "-o", "wide")

    assert shown.stdout.splitlines()[1].split() == [
        *("hook", "active", "0", "0", "0", "30s", "3h", "-")
    ]
    assert "503 it was" in wide.stdout


async def test_a_sink_that_fails_says_why(ask, world):
    """Or what holds it back, or that nobody has it (issue 10, item 21)."""
    await world.queue.open_sink("gone")
    await world.store("a", sinks=("gone",))
    failing, stopped = world.health.sinks.values()
    failing.last_error, failing.last_error_at = "503", datetime.now(UTC)
    stopped.state, stopped.reason = "stopped", "by hand"

    result = await ask("sinks", "list", "-o", "text")

    ends = [line.split("   ")[-1].strip() for line in result.stdout.splitlines()]
    assert ends == ["WHY", "503", "by hand", "not configured"]
