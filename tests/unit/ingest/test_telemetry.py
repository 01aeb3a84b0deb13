"""What a reader says of itself."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.cluster import CORE_EVENTS, Bookmark, Item, ObjectMeta, Observed, Synced
from bridge.errors import QueueFullError, ThrottledError
from bridge.health import ReaderStatus
from bridge.ingest.plan import Plan
from bridge.ingest.telemetry import ReaderTelemetry
from bridge.metrics import Metrics
from bridge.queue import Entry, Scope
from tests.unit.ingest.objects import change
from tests.unit.queue.samples import entry, rejected


class Told:
    """An account and its metrics."""

    def __init__(self) -> None:
        """Say nothing yet."""
        self._metrics = Metrics(version="0")
        self.status = ReaderStatus(sources=(), resource="events", namespace="*")
        self.telemetry = ReaderTelemetry(
            resource=CORE_EVENTS,
            scope=Scope(cluster="uid", resource="events"),
            sources=[],
            status=self.status,
            metrics=self._metrics,
        )

    def value(self, name: str, **labels: Any) -> float | None:
        """Return a metric."""
        name = f"kubebridge_{name}"
        return self._metrics.registry.get_sample_value(name, labels)


def test_skipped_lines_are_counted_and_said_once() -> None:
    """Each would be a line in the log (issue 10, item 30)."""
    told = Told()

    with capture_logs() as logs:
        told.telemetry.happened("line-skipped")
        told.telemetry.happened("line-skipped")

    assert [one["event"] for one in logs] == ["Watch line skipped."]
    labels = {"resource": "events", "reason": "line-skipped"}
    assert told.value("watch_restarts_total", **labels) == 2


def test_snapshot_is_measured() -> None:
    """What it brought, over all its batches; the next one counts anew."""
    told = Told()
    known = ObjectMeta(key="shop/a", uid="u", version="5")

    told.telemetry.read([change(3, listed=True), Observed(known=known)], None)
    told.telemetry.read([change(4, listed=True), Synced(resource_version="9")], None)
    first = told.status.snapshot_changes
    told.telemetry.read([Synced(resource_version="9")], None)

    assert (first, told.status.snapshot_changes) == (3, 0)
    assert told.status.snapshot_seconds >= 0


@pytest.mark.parametrize(
    ("item", "version"),
    [
        (change(7), "7"),
        (Bookmark(resource_version="8"), "8"),
        (Synced(resource_version="9"), "9"),
        (change(3, listed=True), None),
    ],
)
def test_version_that_was_read_is_told(item: Item, version: str | None) -> None:
    """But for a list, whose objects come in no order."""
    told = Told()

    told.telemetry.read([item], None)

    assert told.status.read_version == version


@pytest.mark.parametrize(("asked", "seconds"), [(3.0, 3.0), (None, 0.0)])
def test_being_throttled_is_measured(asked: float | None, seconds: float) -> None:
    """As long as the API server asked for."""
    told = Told()
    error = ThrottledError("too many", status=429, retry_after_seconds=asked)

    told.telemetry.trouble(error)

    found = told.value("watch_throttled_seconds_total", resource="events")
    assert found == seconds


def test_object_that_could_not_be_converted_is_told() -> None:
    """With its id, and why not; a storm of them is counted (issue 10, item 20)."""
    told = Told()
    entries = [rejected("a", "no uid"), entry("b"), rejected("c", "no name")]

    with capture_logs() as said:
        told.telemetry.stored(Plan(entries=entries, unconverted=2))

    [line] = said
    assert (line["log_level"], line["id"], line["error"]) == ("error", "a", "no uid")


def test_memory_alone_that_could_not_be_stored_has_no_id() -> None:
    """Nothing is known of it but why."""
    told = Told()
    lost = Entry(event=None, encoded=None, error="too large")

    with capture_logs() as said:
        told.telemetry.stored(Plan(entries=[lost], unconverted=1))

    assert said[0]["id"] == "unknown"


def test_events_that_are_held_back_are_counted_once_the_plan_is_stored() -> None:
    """By route and stage: nothing is held back uncounted."""
    told = Told()

    told.telemetry.stored(Plan(held_back={("quiet", "dedup"): 2}))
    told.telemetry.stored(Plan(held_back={("quiet", "dedup"): 1}))

    assert told.value("held_back_total", route="quiet", stage="dedup") == 3


@pytest.mark.parametrize(
    ("error", "after"),
    [(None, "syncing"), (ThrottledError("slow", status=429), "waiting")],
)
def test_full_queue_shows_whatever_the_watch_reports(error, after) -> None:
    """The state of the watch is shown again once there is room."""
    told = Told()

    told.telemetry.syncing()
    told.telemetry.blocked(QueueFullError("no room"))
    told.telemetry.trouble(error)
    blocked = told.status.state
    told.telemetry.has_room()

    assert (blocked, told.status.state) == ("blocked", after)
