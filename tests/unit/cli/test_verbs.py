"""The verbs that ask a running bridge."""

import json

import pytest

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
        ("sinks", "NAME    CONFIGURED   STATE", "hook    yes          open"),
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

    was_set = await ask("cursors", "set", cursor["id"], "42", "-o", "text")
    version = await world.queue.cursor(SCOPE)
    was_reset = await ask("cursors", "reset", cursor["id"], "-o", "text")

    assert version == "42"
    assert "42" in was_set.stdout
    assert was_reset.stdout == f"cursor {SCOPE_ID} forgotten\n"
    assert await world.queue.cursor(SCOPE) is None


async def test_a_cursor_that_is_not_there_is_an_error(ask):
    """One line, exit code 1."""
    result = await ask("cursors", "reset", "none")

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
    purged = await ask("sinks", "purge", "hook", "-o", "text")

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
    options = ("--attribute", "reason=Killing", "--waiting", "hook")

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
    purged = await ask("dead-letters", "purge", second, "-o", "text")

    assert json.loads(shown.stdout)["answer"] == "no"
    assert replayed.stdout == "1 replayed, 0 skipped\n"
    assert purged.stdout == "1 dead letters gone\n"


async def test_all_dead_letters_of_a_sink_are_replayed_to_another(ask, world):
    """They stay where they were."""
    await world.store("a", "b")
    await world.give_up()

    options = ("--all", "--sink", "hook", "--to", "spare")
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
