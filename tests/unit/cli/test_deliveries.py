"""The verbs that say why something was not delivered, and deliver it."""

import asyncio
import json
import re
import shlex
import time
from functools import partial
from pathlib import Path

import pytest

from bridge.cli import client
from bridge.operate import replay
from bridge.queue import Gate

PAGE = Path(__file__).parents[3] / "docs" / "replay.md"
WORDS = ("deliveries", "list", "--sink", "hook")


async def test_waiting_deliveries_are_a_table(ask, world):
    """With the reason of the last attempt."""
    await world.store("a")
    await world.fail()

    result = await ask(*WORDS, "-o", "text")

    heading, row = result.stdout.splitlines()
    assert heading.split()[:4] == ["HANDLE", "SINK", "STATE", "ATTEMPTS"]
    assert row.split()[:6] == ["e1", "hook", "waiting", "1", "503", "refused"]


async def test_deliveries_are_chosen(ask, world):
    """By every option; a time may be an age."""
    await world.store("a", "b")
    await world.store("c", reason="Killing")
    await world.fail()
    options = ("--route", "all", "--attribute", "reason=Back*", "--reason", "503")

    result = await ask(*WORDS, *options, "--since", "1h30m", "--until", "2099-01-01")

    assert [one["id"] for one in json.loads(result.stdout)["items"]] == ["b", "a"]


@pytest.mark.parametrize(
    "text", ["yesterday", "1y", "", "9999999d", "9" * 30 + "d", "9" * 5000 + "s"]
)
async def test_a_time_that_is_none_is_a_usage_error(ask, text):
    """Exit code 2; the option is named."""
    result = await ask(*WORDS, "--since", text)

    assert result.exit_code == 2
    assert "--since" in result.stderr
    assert "expected RFC 3339, or an age such as 1h30m" in result.stderr


async def test_a_delivery_is_shown_with_its_attempts(ask, world):
    """A table for a person, with the event; everything for a pipe."""
    await world.store("a")
    await world.give_up()

    text = await ask("deliveries", "show", "e1", "hook", "-o", "text")
    piped = await ask("deliveries", "show", "e1", "hook")

    assert "ATTEMPT   AT" in text.stdout
    assert '"id": "a"' in text.stdout
    assert json.loads(piped.stdout)["tries"][0]["excerpt"] == "no"


async def test_a_delivery_whose_event_is_gone_is_shown(ask, world):
    """Without it."""
    world.journal.add(world.attempt(event="e77", id="gone"))

    result = await ask("deliveries", "show", "e77", "hook", "-o", "text")

    assert "delivered" in result.stdout
    assert "null" not in result.stdout


async def test_a_dead_letter_is_shown_to_a_person(ask, world):
    """With its attempts and its event."""
    await world.store("a")
    await world.give_up()

    result = await ask("dead-letters", "show", "d1", "-o", "text")

    assert "ATTEMPT   AT" in result.stdout
    assert '"id": "a"' in result.stdout


async def test_events_are_replayed_by_choice(ask, world):
    """In as many requests as it takes."""
    await world.store("a", "b")
    await world.store("c", reason="Killing")

    options = ("--attribute", "reason=BackOff", "--to-sink", "spare")
    result = await ask("deliveries", "replay", *options, "-o", "text")

    said, stored = result.stdout.splitlines()
    assert said == "2 replayed, 0 skipped"
    assert stored.startswith("2 were stored, since 20")


@pytest.mark.parametrize(
    ("words", "count"),
    [(("e1", "e2"), 2), (("--all",), 3), (("--state", "delivered"), 1)],
)
async def test_events_are_replayed(ask, world, words, count):
    """By handle, all of them, or those in a state."""
    await world.store("a")
    await world.deliver()
    await world.store("b", "c")

    result = await ask("deliveries", "replay", *words, "--to-sink", "spare")

    assert json.loads(result.stdout)["replayed"] == count


async def test_a_new_sink_is_filled(ask, world, monkeypatch):
    """What came of every request is added up, place by place."""
    monkeypatch.setattr(replay, "MOST_SECONDS", 0.0)
    await world.store("a")
    world.backfill.pages = [["x", "y"], ["z"], ["x"]]

    options = ("--to-sink", "spare", "--backfill", "-o", "text")
    result = await ask("deliveries", "replay", *options)

    said, _, listed = result.stdout.splitlines()
    assert said == "5 replayed, 0 skipped"
    assert listed == (
        "4 from a list of 4 events in *, the oldest of 2026-11-20T10:00:00Z"
    )


async def test_a_list_that_brought_nothing_has_no_oldest(ask, world):
    """All of it was there."""
    world.backfill.pages = [["a"]]
    await world.store("a")

    options = ("--to-sink", "spare", "--backfill", "-o", "text")
    result = await ask("deliveries", "replay", *options)

    assert result.stdout.splitlines()[-1] == "0 from a list of 1 events in *"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "expected handles, --all, or options that select"),
        (("e1", "--all"), "expected either handles or options that select"),
        (("e1", "--backfill"), "expected either handles or options that select"),
    ],
    ids=["nothing", "all", "backfill"],
)
async def test_a_replay_without_sense_is_a_usage_error(ask, words, error):
    """Nothing is replayed by mistake."""
    result = await ask("deliveries", "replay", *words, "--to-sink", "spare")

    assert (result.exit_code, result.stderr) == (2, f"kubebridge: {error}\n")


async def test_waiting_deliveries_are_purged(ask, world):
    """Those that are meant."""
    await world.store("a", "b")

    options = ("--attribute", "id=a", "--yes", "-o", "text")
    result = await ask("deliveries", "purge", "hook", *options)

    assert result.stdout == "1 deliveries ended\n"
    assert (await world.queue.depth("hook")).waiting == 1


async def send_test(ask, world, act, *options):
    """Send a test while the sink does something; return what was printed."""
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask("send-test", "hook", *options, "-o", "text"))
        await act()
    return await asking


async def test_a_test_that_is_delivered_is_exit_code_0(ask, world):
    """With status, duration and the first bytes of the answer."""
    result = await send_test(ask, world, world.deliver)

    first, _, row = result.stdout.splitlines()
    assert result.exit_code == 0
    assert first.endswith(" to hook: delivered")
    assert row.split()[2:] == ["0.2", "delivered", "200", "-", "thanks"]


async def test_a_test_that_is_refused_is_exit_code_1(ask, world):
    """It is said that it was taken back."""
    result = await send_test(ask, world, world.give_up)

    assert result.exit_code == 1
    assert "not delivered, and taken back" in result.stdout


async def test_a_test_of_a_sink_that_an_operator_stopped_says_so(ask, world):
    """At once, and how it could be tried (issue 10, item 18)."""
    await ask("sinks", "pause", "hook")

    result = await ask("send-test", "hook", "--timeout", "50", "-o", "text")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "test to hook: not sent",
        "the sink is held back: stopped: stopped by an operator",
        "to try it: kubebridge sinks resume hook",
    ]


async def test_a_test_whose_trial_failed_says_what_was_tried(ask, world):
    """Something older waits for the same sink (issue 10, item 18)."""
    gate = Gate(until=time.time() + 60, kind="resting", reason="503")

    result = await send_test(ask, world, partial(world.queue.gate, "hook", gate))

    first, second, third = result.stdout.splitlines()
    assert result.exit_code == 1
    assert first.endswith(" to hook: not tried, and taken back")
    assert second == "the sink is held back: resting: 503"
    assert third.startswith("what waits longest was tried just now, and failed: ")


async def test_a_test_that_gets_no_turn_says_so(ask):
    """In time."""
    result = await ask("send-test", "hook", "--timeout", "0.1", "-o", "text")

    assert result.stdout.endswith("not tried in time, and taken back\n")


def test_oldest_of_none_is_none():
    """Whichever answer has one."""
    assert client._added("oldest", None, None) is None
    assert client._added("oldest", "b", "a") == "a"


async def test_every_command_of_the_page_works(ask, world):
    """As it stands in docs/replay.md, one after the other."""
    await world.store("a", "b")
    await world.give_up()
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    for line in lines:
        _, *words = shlex.split(line)
        more = ("--timeout", "0") if words[0] == "send-test" else ()
        result = await ask(*words, *more, "-o", "text")
        assert result.exit_code == (1 if more else 0), (line, result.output)

    assert len(lines) > 15
