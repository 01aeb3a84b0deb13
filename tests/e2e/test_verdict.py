"""The judge finds each fault; else the suites that trust it would prove nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.truth import Revision
from tests.e2e.verdict import Verdict, judge

UID = "6f1b2a34-8b1c-4a52-9b1e-2f4f5b6c7d8e"
OTHER = "00000000-8b1c-4a52-9b1e-2f4f5b6c7d8e"

Event = dict[str, Any]


def wrote(version: int, change: Any, uid: str = UID) -> Revision:
    """Return a write of an object called `a`."""
    return Revision(key="/registry/x/n/a", version=version, change=change, uid=uid)


HISTORY = [
    wrote(5, "added"),
    wrote(6, "modified"),
    wrote(8, "modified"),
    wrote(9, "deleted"),
]


def tell(version: int, change: str, *, uid: str = UID, listed: bool = False) -> Event:
    """Return the event of a change."""
    deleted = "-deleted" if change == "deleted" else ""
    return {
        "id": f"{uid}-{version}{deleted}",
        "type": f"io.kubebridge.resource.{change}.v1",
        "data": {"metadata": {"uid": uid, "resourceVersion": str(version)}},
        "listed": listed,
    }


def gap(cursor: int, snapshot: int) -> Event:
    """Return a gap's event."""
    return {
        "id": f"gap-{cursor}",
        "type": "io.kubebridge.gap.v1",
        "data": {"cursor": str(cursor), "snapshot": str(snapshot)},
    }


TOLD = [tell(one.version, one.change) for one in HISTORY]


def verdict(events: Sequence[Event], written: Sequence[Revision] = HISTORY) -> Verdict:
    """Judge what arrived of that history."""
    return judge(written, events, since=4, horizons=[8, 12])


def test_whole_history_is_faultless() -> None:
    """Repeats with the same id are none, nor is what was written too early."""
    early = [wrote(4, "added", uid=OTHER), *HISTORY]

    found = verdict([*TOLD, TOLD[0]], early)

    assert found.faults == {}
    assert (found.repeats, found.covered) == (1, 0)


@pytest.mark.parametrize("absent", range(4))
def test_any_event_that_is_missing_is_lost(absent: int) -> None:
    """One event dropped from the record is noticed, whichever it is."""
    found = verdict(TOLD[:absent] + TOLD[absent + 1 :])

    assert found.faults == {"lost": [TOLD[absent]["id"]]}


def test_gap_covers_what_was_overwritten_and_nothing_else() -> None:
    """The newest state at its end must arrive, and all after it."""
    listed = [TOLD[0], tell(8, "modified", listed=True), TOLD[3]]

    assert verdict([*listed, gap(5, 8)]).faults == {}
    assert verdict([*listed, gap(5, 8)]).covered == 1
    assert verdict([*listed, gap(6, 8)]).faults == {"lost": [HISTORY[1].id]}
    told = [TOLD[0], TOLD[3], gap(5, 8)]
    assert verdict(told).faults == {"untold": [HISTORY[2].id]}


def test_gap_that_reaches_beyond_what_was_forgotten_is_needless() -> None:
    """History began anew at 8 and at 12; what came after could be read."""
    told = [*TOLD, gap(5, 9)]

    assert list(judge(HISTORY, told, since=4, horizons=[8]).faults) == ["needless"]
    assert list(judge(HISTORY, told, since=4, horizons=[5]).faults) == ["needless"]
    assert judge(HISTORY, told, since=4, horizons=[12]).faults == {}


def test_deletion_in_a_gap_must_be_told_of_what_was_known() -> None:
    """By the last version known; what came and went inside needs no word."""
    found = tell(5, "deleted", listed=True)

    assert verdict([TOLD[0], found, gap(5, 12)]).faults == {}
    assert verdict([TOLD[0], gap(5, 12)]).faults == {"untold": [HISTORY[3].id]}
    assert verdict([gap(4, 12)]).faults == {}


def test_same_thing_under_two_ids_is_doubled() -> None:
    """A revision in another epoch, or a deletion told twice."""
    again = {**TOLD[1], "id": f"{TOLD[1]['id']}-e2"}
    deletion = tell(8, "deleted", listed=True)

    assert list(verdict([*TOLD, again]).faults) == ["invented", "doubled"]
    assert list(verdict([*TOLD, deletion]).faults) == ["doubled"]


def test_what_was_never_written_is_invented() -> None:
    """Another version, another object, a deletion of what lives."""
    for event in (tell(7, "modified"), tell(5, "added", uid=OTHER)):
        assert verdict([*TOLD, event]).faults == {"invented": [event["id"]]}
    dead = tell(8, "deleted", listed=True)
    found = verdict([*TOLD[:3], dead], HISTORY[:3])
    assert found.faults == {"invented": [dead["id"]]}


def test_wrong_type_is_a_mistake() -> None:
    """Only a list may take a modified object that it did not know for a new one."""
    wrong = {**TOLD[1], "type": "io.kubebridge.resource.added.v1"}

    found = verdict([TOLD[0], wrong, *TOLD[2:]])
    assert found.faults == {"mistaken": [f"{wrong['id']}: added, not modified"]}
    assert verdict([TOLD[0], {**wrong, "listed": True}, *TOLD[2:]]).faults == {}
