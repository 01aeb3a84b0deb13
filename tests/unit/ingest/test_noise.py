"""Noise control in the reader: its state is stored with the cursor."""

import json
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bridge.cluster import Change, Synced
from bridge.filters.noise.control import NoiseControl
from bridge.filters.routes import Router
from bridge.filters.settings import RouteConfig
from bridge.ingest.buffer import DigestTick
from bridge.ingest.checkpoint import load_checkpoint
from bridge.ingest.plan import Plan, Planner
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.ingest.objects import (
    NOW,
    SCOPE,
    change,
    conversion,
    ids,
    remembers,
    source_of,
)
from tests.unit.queue.samples import QueueFile

QUIET = RouteConfig.model_validate(
    {"name": "quiet", "dedup": {"key": ["reason"]}, "throttle": {"count": 3, "key": []}}
)
TOLD = RouteConfig.model_validate(
    {"name": "told", "sinks": ["hook"], "dedup": {"key": []}, "digest": "5m"}
)
OTHER = RouteConfig.model_validate({"name": "other", "sinks": ["broker"]})
REASONS = ["BackOff", "Failed", "BackOff", "Pulled", "Failed", "Killing", "Killing"]


def planner(
    *routes: RouteConfig,
    memos: dict[str, bytes] | None = None,
    cursor: str | None = "100",
    **more: Any,
) -> Planner:
    """Return a planner whose noise control begins with these memos."""
    router = Router.of(routes or (QUIET,), sinks=("hook", "broker"))
    noise = NoiseControl(routes or (QUIET,), memos or {})
    hours = count()  # each look at the clock finds it an hour later
    return Planner(
        conversion(router=router, noise=noise, **more),
        cursor=cursor,
        now=lambda: NOW + timedelta(hours=next(hours)),
    )


def sinks_of(plan: Plan) -> list[tuple[str, ...]]:
    """Return the sinks of each event in a plan."""
    return [entry.sinks for entry in plan.entries if entry.event is not None]


def test_event_that_is_held_back_is_counted_and_not_stored() -> None:
    """Its route wanted it: it is not filtered."""
    plan = planner().plan([change(101), change(102), change(103)])

    assert (sinks_of(plan), plan.to) == ([("hook", "broker")], "103")
    assert (plan.received, plan.filtered) == (3, 0)
    assert plan.held_back == {("quiet", "dedup"): 2}


def test_memos_go_with_the_cursor() -> None:
    """They are in the last part of a put that is cut."""
    plan = planner().plan([change(101)])

    keys = [key.split("/")[:2] for key, _ in remembers(plan.closing)]
    assert keys == [["~quiet", "dedup"], ["~quiet", "throttle"]]
    assert plan.entries[1:] == plan.closing


def test_event_goes_on_along_a_route_without_noise_control() -> None:
    """Its sinks only get it; it is kept where a source keeps all."""
    one = planner(QUIET, OTHER)
    alone = planner(sources=[source_of("events", keep="all")])

    plans = [each.plan([change(101), change(102)]) for each in (one, alone)]

    assert [sinks_of(plan)[1] for plan in plans] == [("broker",), ()]


def test_state_is_not_stored_in_the_midst_of_a_snapshot() -> None:
    """One that is cut off is read once more, and decided by the state before it."""
    one = planner()

    page = one.plan([change(150, listed=True)])
    end = one.plan([change(140, listed=True), Synced(resource_version="160")])

    assert (len(sinks_of(page)), page.closing) == (1, [])
    assert (sinks_of(end), len(remembers(end.closing))) == ([], 2)


def test_digest_goes_to_the_sinks_of_its_route_and_is_forgotten_with_it() -> None:
    """In the part of the put that moves the cursor."""
    one = planner(TOLD, OTHER)
    one.plan([change(101), change(102), change(103)])

    plan = one.plan([change(104, reason="Failed"), DigestTick()])

    *_, forgotten, digest = plan.entries
    assert (digest.sinks, digest.routes) == (("hook",), ("told",))
    assert digest.event is not None
    assert json.loads(digest.event.data or b"")["count"] == 3
    assert remembers([forgotten]) == [("~told/digest", False)]
    assert plan.closing[-2:] == [forgotten, digest]


def test_no_digest_is_made_while_the_cursor_is_behind() -> None:
    """What it counted would be counted once more if the process were killed."""
    one = planner(TOLD)
    one.plan([change(101), change(102)])

    listing = one.plan([change(150, listed=True), DigestTick()])
    end = one.plan([Synced(resource_version="160"), DigestTick()])
    idle = one.plan([DigestTick()])

    assert (sinks_of(listing), sinks_of(end)) == ([], [("hook",)])
    assert not idle.is_needed


def test_no_digest_is_made_while_a_change_waits() -> None:
    """The cursor stays before it; the next tick finds both gone on."""
    answers: dict[str, bool | None] = {"shop": True}
    one = planner(TOLD, sources=[source_of("events", selects=answers.get)])
    one.plan([change(101), change(102)])

    answers["shop"] = None
    waiting = one.plan([change(103), DigestTick()])
    answers["shop"] = True
    gone_on = one.plan([DigestTick()])

    assert (sinks_of(waiting), sinks_of(gone_on)) == ([], [("hook",)])
    assert gone_on.to == "103"


async def test_kill_changes_no_decision(tmp_path: Path) -> None:
    """The state is that of the cursor: nothing is decided by what was not stored."""
    changes = [change(101 + n, reason=reason) for n, reason in enumerate(REASONS)]
    expected = ids(planner(cursor=None).plan(changes).entries)

    for number in range(len(changes) + 1):
        file = QueueFile(path=tmp_path / f"{number}.db")
        found = await decided(file, changes[:number])
        found += await decided(file, changes[number:])
        assert found == expected == ["uid-101", "uid-102", "uid-104"]


async def decided(file: QueueFile, changes: list[Change]) -> list[str]:
    """Open the queue, plan some changes and store them; then plan and forget others."""
    async with file.open() as queue:
        for sink in ("hook", "broker"):
            await queue.open_sink(sink)
        one = await planner_at(queue)
        plan = one.plan(changes)
        await queue.put(plan.entries, scope=SCOPE, since=plan.since, to=plan.to)
        one.plan([change(900 + n, reason=reason) for n, reason in enumerate(REASONS)])
        return ids(plan.entries)


async def planner_at(queue: SqliteQueue) -> Planner:
    """Return a planner that begins where the queue stands."""
    found = await load_checkpoint(
        queue, SCOPE, has_store=False, keeps_objects=False, keeps_labels=False
    )
    return planner(memos=dict(found.noise), cursor=found.cursor)
