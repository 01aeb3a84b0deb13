"""What to put for what was read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.cluster import CORE_EVENTS, Bookmark, Change, Gap, ProgressMark, Synced
from bridge.ingest import EventForm
from bridge.ingest.checkpoint import EPOCH, NOTE, read_epoch, read_note
from bridge.ingest.plan import Plan, Planner
from tests.unit.ingest.objects import change, conversion, source_of

OURS = EventForm("kubebridge", "object")
KNATIVE = EventForm("knative", "object")
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def planner(*, cursor: str | None = "100", epoch: int = 1, **changes: Any) -> Planner:
    """Return a planner of source `events`."""
    return Planner(conversion(**changes), cursor=cursor, epoch=epoch, now=lambda: NOW)


def ids(plan: Plan) -> list[str]:
    """Return the id of each event in a plan."""
    return [entry.event.id for entry in plan.entries if entry.event is not None]


def test_watched_changes_move_the_cursor_with_them() -> None:
    """Each becomes one entry for all its sinks."""
    plan = planner().plan([change(101), change(102, kind="modified")])

    assert ids(plan) == ["uid-101", "uid-102"]
    assert plan.entries[0].sinks == ("hook", "broker")
    assert (plan.to, plan.received) == ("102", 2)


def test_listed_changes_leave_the_cursor_until_the_snapshot_is_complete() -> None:
    """A page is no progress; the end of the snapshot is."""
    one = planner()

    page = one.plan([change(150, listed=True)])
    end = one.plan([change(140, uid="b", listed=True), Synced(resource_version="160")])

    assert (page.to, page.synced) == ("100", False)
    assert (end.to, end.synced) == ("160", True)
    assert (page.since, end.since) == ("100", "100")


def test_bookmark_moves_the_cursor_alone() -> None:
    """No entry comes of it."""
    plan = planner().plan([Bookmark(resource_version="170")])

    assert (plan.entries, plan.to) == ([], "170")


def test_expired_event_moves_the_cursor_alone() -> None:
    """The end of an Event's time to live is nothing that happened."""
    plan = planner().plan([change(180, kind="deleted")])

    assert (plan.entries, plan.to) == ([], "180")


def test_event_that_no_route_wants_is_not_stored() -> None:
    """It is counted, and the cursor moves over it."""
    plan = planner().plan([change(101, reason="Killing")])

    assert (plan.entries, plan.to, plan.filtered) == ([], "101", 1)


def test_source_may_keep_what_no_route_wants() -> None:
    """Kept, for nobody yet."""
    sources = [source_of("events", keep="all")]

    plan = planner(sources=sources).plan([change(101, reason="Killing")])

    assert ids(plan) == ["uid-101"]
    assert plan.entries[0].sinks == ()


def test_object_that_cannot_be_converted_becomes_a_dead_letter() -> None:
    """Its raw bytes and the error are kept; the stream goes on."""
    broken = Change(
        change="added",
        resource=CORE_EVENTS,
        object=b'{"metadata": {}}',
        resource_version="101",
    )

    plan = planner().plan([broken, change(102)])

    rejected = plan.entries[0]
    assert rejected.encoded is not None
    assert rejected.encoded.body == b'{"metadata": {}}'
    assert rejected.error
    assert (plan.to, plan.unconverted) == ("102", 1)


def test_bug_in_the_conversion_costs_one_event(monkeypatch) -> None:
    """Whatever breaks, the object is kept and the stream goes on."""
    monkeypatch.setattr("bridge.ingest.accept.encode", lambda _: 1 // 0)

    plan = planner().plan([change(101)])

    assert "ZeroDivisionError" in (plan.entries[0].error or "")
    assert plan.to == "101"


def test_first_snapshot_goes_to_sources_that_ask_for_it() -> None:
    """A source with `initial: skip` gets only what comes later."""
    sources = [source_of("events"), source_of("all", initial="emit")]
    one = planner(cursor=None, sources=sources)

    snapshot = one.plan([change(90, listed=True), Synced(resource_version="100")])
    later = one.plan([change(101)])

    assert (ids(snapshot), snapshot.filtered) == ([], 1)
    assert ids(later) == ["uid-101"]


def test_sinks_of_another_profile_get_an_entry_of_their_own() -> None:
    """Two forms of one event are two entries with one id."""
    forms = {"hook": OURS, "broker": KNATIVE}

    plan = planner(forms=forms).plan([change(101)])

    assert ids(plan) == ["uid-101", "uid-101"]
    assert {entry.sinks for entry in plan.entries} == {("hook",), ("broker",)}
    types = {entry.event.type for entry in plan.entries if entry.event}
    assert types == {
        "io.kubebridge.event.warning.v1",
        "dev.knative.apiserver.resource.add",
    }


def test_form_that_nobody_wants_is_not_made() -> None:
    """Only the form of the sinks that want the event."""
    forms = {"hook": KNATIVE, "broker": KNATIVE}

    plan = planner(forms=forms).plan([change(101)])

    assert len(plan.entries) == 1


@pytest.mark.parametrize("cause", ["expired", "rolled-back"])
def test_gap_is_announced_to_every_sink_when_the_cursor_jumps(cause: Any) -> None:
    """In the same put as the jump, filters ignored."""
    gap = Gap(cause=cause, cursor="100", snapshot="150", since=None, until=NOW)
    one = planner()

    before = one.plan([gap, change(155, listed=True)])
    jump = one.plan([Synced(resource_version="150")])

    assert before.gaps == []
    assert jump.gaps == [gap]
    assert [entry.event.type for entry in jump.entries if entry.event] == [
        "io.kubebridge.gap.v1"
    ]
    assert jump.entries[0].sinks == ("hook", "broker")


def test_rollback_begins_an_epoch_that_is_committed_with_the_cursor() -> None:
    """Ids change at once, memory only with the end of the snapshot."""
    gap = Gap(cause="rolled-back", cursor="100", snapshot="50", since=None, until=NOW)
    one = planner()

    page = one.plan([gap, change(40, listed=True)])
    end = one.plan([Synced(resource_version="50")])
    remembered = dict(entry.remember for entry in end.entries if entry.remember)

    assert ids(page) == ["uid-40-e2"]
    assert all(entry.remember is None for entry in page.entries)
    assert read_epoch(remembered[EPOCH]) == 2


@pytest.mark.parametrize("since", [NOW.replace(year=2020), None])
def test_gap_begins_where_the_cursor_last_moved(since: Any) -> None:
    """Unless it is known better; nothing was missed before that."""
    moved = NOW.replace(year=2021)
    gap = Gap(cause="expired", cursor="100", snapshot="150", since=since, until=NOW)
    one = Planner(conversion(), cursor="100", moved=moved, now=lambda: NOW)

    at_start = one.plan([gap, Synced(resource_version="150")])
    later = one.plan([gap, Synced(resource_version="160")])

    assert at_start.gaps[0].since == (since or moved)
    assert later.gaps[0].since == (since or NOW)


def test_note_is_remembered_beside_the_cursor() -> None:
    """It never moves the cursor."""
    note = ProgressMark(resource_version="500", time=NOW)

    plan = planner().plan([note])
    key, value = plan.entries[0].remember or ("", b"")

    assert (key, read_note(value)) == (NOTE, note)
    assert plan.to == "100"


def test_memory_of_a_new_scope_is_empty() -> None:
    """The first epoch is 1, and nothing is noted."""
    assert read_epoch(None) == 1
    assert read_note(None) is None


def test_gap_begins_when_the_cursor_last_moved() -> None:
    """Where no note says that the stream was complete later than that."""
    moved = datetime(2026, 11, 20, 9, tzinfo=UTC)
    gap = Gap(cause="expired", cursor="100", snapshot="150", since=None, until=NOW)
    one = Planner(conversion(), cursor="100", moved=moved, now=lambda: NOW)

    plan = one.plan([gap, Synced(resource_version="150")])
    later = one.plan([gap, Synced(resource_version="160")])

    assert [one.since for one in (*plan.gaps, *later.gaps)] == [moved, NOW]
