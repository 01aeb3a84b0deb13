"""What waits for an answer, and how far the cursor gets meanwhile."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.cluster import Bookmark, Change, Gap, ProgressMark, Synced
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import compile_filters
from bridge.ingest.checkpoint import NOTE, STORE
from bridge.ingest.plan import PendingChange, PendingChanges, Planner
from tests.unit.ingest.objects import (
    NOW,
    PODS,
    change,
    conversion,
    ids,
    pod,
    remembers,
    source_of,
)


@dataclass
class Bench:
    """A planner for Pods of namespaces that may not be known yet."""

    selected: dict[str, bool | None] = field(default_factory=lambda: {"shop": True})
    seconds: float = 0.0

    def planner(self, *, cursor: str | None = "100", **more: Any) -> Planner:
        """Return a planner of one source; a namespace not in `selected` is unknown."""
        source = source_of("events", selects=self.selected.get, **more)
        return Planner(
            conversion(resource=PODS, sources=[source]),
            cursor=cursor,
            has_store=True,
            now=lambda: NOW,
            clock=lambda: self.seconds,
        )


@pytest.fixture
def bench() -> Bench:
    """Return one that knows namespace shop only."""
    return Bench()


def new(version: int, **more: Any) -> Change:
    """Return a change in a namespace that is not known yet."""
    return pod(version, **{"name": "a", "namespace": "new", **more})


def test_later_changes_go_first_and_the_cursor_stays(bench: Bench) -> None:
    """It is before the first that waits: after a crash all of it is read again."""
    one = bench.planner()

    plan = one.plan([pod(101), new(102), pod(103), Bookmark(resource_version="110")])

    assert ids(plan.entries) == ["web-101", "web-103"]
    assert (plan.since, plan.to, one.held) == ("100", "101", 1)


def test_cursor_goes_on_with_what_waited(bench: Bench) -> None:
    """In the very put that stores it, over all that went before."""
    one = bench.planner()
    one.plan([new(101), pod(102), Bookmark(resource_version="110")])

    bench.selected["new"] = True
    plan = one.plan([pod(111)])

    assert ids(plan.entries) == ["a-101", "web-111"]
    assert (plan.since, plan.to, one.held) == ("100", "111", 0)


def test_namespace_that_is_not_selected_is_left_out(bench: Bench) -> None:
    """Its objects are remembered all the same, for the watch goes on."""
    one = bench.planner()
    one.plan([new(101)])

    bench.selected["new"] = False
    plan = one.plan(())

    assert remembers(plan.entries) == [("+new/a", True)]
    assert (ids(plan.entries), plan.to, plan.filtered) == ([], "101", 1)


def test_what_waits_goes_in_order(bench: Bench) -> None:
    """The cursor passes one after the other."""
    one = bench.planner()
    one.plan([new(101, namespace="x"), new(102, name="b", namespace="y"), new(103)])

    bench.selected["y"] = True
    second = one.plan(())
    bench.selected["x"] = True
    first = one.plan(())

    assert (ids(second.entries), second.to) == (["b-102"], "100")
    assert (ids(first.entries), first.to) == (["a-101"], "102")


def test_changes_of_one_object_keep_their_order(bench: Bench) -> None:
    """Even one that could go at once: else what is gone would be remembered."""
    one = bench.planner(changes=frozenset({"added"}))

    before = one.plan([new(101, kind="added"), new(102, kind="deleted"), pod(103)])
    bench.selected["new"] = True
    after = one.plan(())

    assert (remembers(before.entries), one.held) == ([("+shop/web", True)], 0)
    assert remembers(after.entries) == [("+new/a", True), ("+new/a", False)]
    assert (ids(after.entries), after.to) == (["a-101"], "103")


def test_end_of_a_snapshot_does_not_pass_what_waits(bench: Bench) -> None:
    """Nor does the word that everything there is remembered."""
    one = bench.planner()

    before = one.plan([new(150, listed=True), Synced(resource_version="160")])
    bench.selected["new"] = True
    after = one.plan(())

    assert (before.to, before.synced, before.entries) == ("100", False, [])
    assert (after.to, after.synced) == ("160", True)
    assert remembers(after.entries) == [("+new/a", True), (STORE, True)]


def test_end_of_a_snapshot_waits_for_nothing_after_it(bench: Bench) -> None:
    """A stream in which always something waits gets as far as watching, too."""
    plan = bench.planner().plan([Synced(resource_version="100"), new(101)])

    assert (plan.synced, plan.to) == (True, "100")


def test_gap_is_announced_with_the_jump_of_the_cursor(bench: Bench) -> None:
    """Not in the put before it, which a crash would repeat."""
    gap = Gap(cause="expired", cursor="100", snapshot="9", since=None, until=NOW)
    one = bench.planner()

    before = one.plan([gap, new(150, listed=True), Synced(resource_version="160")])
    bench.selected["new"] = True
    after = one.plan(())

    assert (before.gaps, before.entries) == ([], [])
    assert (after.gaps, after.to) == ([gap], "160")


def test_note_does_not_pass_what_waits(bench: Bench) -> None:
    """It says that everything up to it is stored."""
    one = bench.planner()

    before = one.plan([new(101), ProgressMark(resource_version="500", time=NOW)])
    bench.selected["new"] = True
    after = one.plan(())

    assert before.entries == []
    assert remembers(after.entries) == [("+new/a", True), (NOTE, True)]


def test_rollback_lets_everything_go(bench: Bench) -> None:
    """What waits belongs to the epoch that ends; better one too many than too few."""
    gap = Gap(cause="rolled-back", cursor="101", snapshot="50", since=None, until=NOW)
    one = bench.planner()
    one.plan([new(101)])

    plan = one.plan([gap, pod(40, listed=True)])

    assert ids(plan.entries) == ["a-101", "web-40-e2"]
    assert one.held == 0


def test_first_snapshot_stays_the_first_while_it_waits() -> None:
    """What was listed then goes to those only who ask for it."""
    selected: dict[str, bool | None] = {}
    sources = [
        source_of(
            name, selects=selected.get, initial="emit" if name == "all" else "skip"
        )
        for name in ("all", "skips")
    ]
    every = compile_filters([])
    routes = [
        Route(name=n, sources=frozenset({n}), matches=every, sinks=(sink,))
        for n, sink in (("all", "hook"), ("skips", "broker"))
    ]
    turned = conversion(resource=PODS, sources=sources, router=Router(routes))
    one = Planner(turned, cursor=None)
    one.plan([new(90, listed=True), Synced(resource_version="100"), new(101, name="b")])

    selected["new"] = True
    plan = one.plan(())

    events = {entry.event.id: entry.sinks for entry in plan.entries if entry.event}
    assert events == {"a-90": ("hook",), "b-101": ("hook", "broker")}


def test_nobody_is_asked_for_what_is_skipped(bench: Bench) -> None:
    """What was there before the first start, where it is not to be emitted."""
    plan = bench.planner(cursor=None).plan([new(90, listed=True)])

    assert remembers(plan.entries) == [("+new/a", True)]


def test_what_waits_is_counted_when_it_goes(bench: Bench) -> None:
    """Once, whatever comes of it."""
    one = bench.planner()

    before = one.plan([new(101)])
    bench.selected["new"] = False
    after = one.plan(())

    assert (before.received, before.is_needed) == (0, False)
    assert (after.received, after.is_needed) == (1, True)


def test_event_tells_when_it_was_read(bench: Bench) -> None:
    """Not when it could go."""
    one = bench.planner()
    one.plan([new(101)])

    one._now = lambda: NOW.replace(year=2030)
    bench.selected["new"] = True
    [event, _] = one.plan(()).entries

    assert event.event is not None
    assert event.event.extensions["recordedtime"] == "2026-11-20T10:00:00Z"


def test_too_many_that_wait_stop_the_reading(bench: Bench, monkeypatch) -> None:
    """And their objects are known, so that they can be recalled again."""
    monkeypatch.setattr("bridge.ingest.plan.HELD_LIMIT", 2)
    one = bench.planner()

    one.plan([new(101)])
    half = one.is_full
    one.plan([new(102, name="b")])

    assert (half, one.is_full) == (False, True)
    assert set(one.held_keys()) == {"new/a", "new/b"}


def test_held_gives_each_once_in_order() -> None:
    """While one is asked for, only those that stay before it are held."""
    held, seen = PendingChanges(), []
    for version in range(4):
        item = change(version)
        held.add(PendingChange(item=item, before=str(version), since=0, recorded=""))

    for waiting in held.take_all():
        seen.append((waiting.before, len(held)))
        if waiting.before not in {"0", "2"}:
            held.add(waiting)

    assert seen == [("0", 0), ("1", 0), ("2", 1), ("3", 1)]
    assert (len(held), held.cursor("9")) == (2, "1")
