"""Metrics that are read where they are kept (issue 10, items 22 and 44)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from bridge.api.collectors import (
    ExpressionCollector,
    QueueCollector,
    ReaderCollector,
)
from bridge.filters.expressions import ExpressionFailures
from bridge.health import Health, ReaderStatus, SinkStatus
from bridge.metrics import Metrics
from bridge.queue import Dead, Delivered
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import QueueFile, put

MOVED = datetime(2026, 11, 30, tzinfo=UTC)


class Shown:
    """A queue, readers, and what the metrics say of them."""

    def __init__(self, queue: SqliteQueue) -> None:
        self.queue = queue
        self.health = Health(sinks={"hook": SinkStatus(name="hook")})
        self.metrics = Metrics(version="0")
        self.figures = QueueCollector(queue, self.health)
        self.metrics.show(self.figures, ReaderCollector(self.health))

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample; None: there is none."""
        return self.metrics.registry.get_sample_value(f"kubebridge_{name}", labels)

    def text(self) -> str:
        """Return the whole answer."""
        return generate_latest(self.metrics.registry).decode()


def reader(namespace: str = "*", **more: object) -> ReaderStatus:
    """Return a reader of Pods."""
    return ReaderStatus(sources=("pods",), resource="pods", namespace=namespace, **more)  # type: ignore[arg-type]


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    """Show an open queue with one sink."""
    async with QueueFile(path=tmp_path / "queue.db").open() as queue:
        await queue.open_sink("hook")
        yield Shown(queue)


async def test_deliveries_are_counted_by_the_queue(shown: Shown) -> None:
    """Whoever ended them (issue 10, item 22)."""
    await put(shown.queue, "a", "b", "c", "d")
    a, b, c = await shown.queue.lease("hook", 3)
    await shown.queue.settle([Delivered(lease=a), Dead(lease=b, reason="no")])
    await shown.queue.purge("hook", None)
    await shown.queue.settle([Delivered(lease=c)])

    ended = {
        outcome: shown.value("deliveries_total", sink="hook", outcome=outcome)
        for outcome in ("delivered", "dead", "purged", "replayed")
    }
    assert ended == {"delivered": 1, "dead": 1, "purged": 2, "replayed": 0}
    assert shown.value("deliveries_routed_total", sink="hook") == 4
    assert shown.value("queue_depth", sink="hook") == 0
    assert shown.value("dead_letters", sink="hook") == 1


async def test_size_and_age_are_measured(shown: Shown) -> None:
    """With the limit beside it; before, nothing is made up."""
    assert shown.value("queue_bytes") is None
    await put(shown.queue, "a")

    await shown.figures.refresh()

    assert shown.value("queue_limit_bytes") == 64 * 1024 * 1024
    assert shown.value("queue_bytes") > 0  # type: ignore[operator]
    assert shown.value("oldest_pending_seconds", sink="hook") > 0  # type: ignore[operator]


async def test_full_queue_is_one_readers_word_not_anothers(shown: Shown) -> None:
    """It does not flap with a reader that has room (issue 10, item 22)."""
    shown.health.readers = [
        reader("a", full="sink hook: too many", full_sink="hook"),
        reader("b"),
    ]
    by_sink = [shown.value("queue_full", sink=sink) for sink in ("hook", "")]
    shown.health.readers[1].full = "the volume is full"
    by_both = [shown.value("queue_full", sink=sink) for sink in ("hook", "")]
    shown.health.readers[0].full = ""

    assert (by_sink, by_both) == ([1, 0], [1, 1])
    assert shown.value("queue_full", sink="hook") == 0
    assert shown.health.full == "the volume is full"


async def test_readers_that_ended_leave_the_metrics(shown: Shown) -> None:
    """With every label of theirs (issue 10, item 44)."""
    shown.health.readers = [reader("shop", resource_version="7", last_progress=MOVED)]
    before = shown.value("cursor_resource_version", resource="pods", namespace="shop")

    shown.health.readers = []

    assert before == 7
    assert "shop" not in shown.text()


async def test_readers_of_one_namespace_are_one_sample(shown: Shown) -> None:
    """They differ in their selectors: the one that is behind is told."""
    shown.health.readers = [
        reader(field_selector="a=b", resource_version="7", objects=2, held=1),
        reader(field_selector="a=c", resource_version="9", objects=3),
        reader(field_selector="a=d", resource_version="(none)"),
    ]
    where = {"resource": "pods", "namespace": "*"}

    assert shown.value("cursor_resource_version", **where) == 7
    assert shown.value("objects_known", **where) == 5
    assert shown.value("changes_held", **where) == 1
    assert shown.value("watch_last_read_timestamp_seconds", **where) is None


async def test_names_that_nobody_configured_never_become_metrics(shown: Shown) -> None:
    """Nor does asking for them (issue 10, item 44)."""
    await shown.queue.purge("stranger", None)
    await shown.queue.depth("stranger")
    await shown.figures.refresh()

    assert "stranger" not in shown.text()


async def test_sink_that_is_gone_is_shown_while_something_waits(tmp_path: Path) -> None:
    """From the next start on without rows it is not (issue 10, item 44)."""
    file = QueueFile(path=tmp_path / "queue.db")
    async with file.open() as queue:
        await queue.open_sink("gone")
        await put(queue, "a", sinks=("gone",))
    async with file.open() as queue:
        shown = Shown(queue)
        assert shown.value("queue_depth_at_start", sink="gone") == 1
        await queue.purge("gone", None)
        assert shown.value("queue_depth", sink="gone") == 0
    async with file.open() as queue:
        assert "gone" not in Shown(queue).text()


async def test_no_series_nobody_asks_for_but_those_of_the_process(shown: Shown) -> None:
    """Memory, files, start time (issue 10, item 22)."""
    shown.metrics.received.labels("pods", "pods").inc()

    text = shown.text()

    assert "_created" not in text
    for name in ("resident_memory_bytes", "open_fds", "start_time_seconds"):
        assert f"\nprocess_{name} " in text


async def test_next_life_is_shown_instead_of_the_last(shown: Shown) -> None:
    """Never both: a scrape with a sample twice is no scrape."""
    other = Health(sinks={"other": SinkStatus(name="other")})
    shown.metrics.show(QueueCollector(shown.queue, other), ReaderCollector(other))

    assert shown.value("queue_full", sink="other") == 0
    assert shown.text().count("# TYPE kubebridge_queue_depth gauge") == 1
    assert shown.value("queue_full", sink="hook") is None


async def test_a_measure_says_whether_anything_happened(shown: Shown) -> None:
    """If not, the next one has time (issue 11, section 3)."""
    await shown.figures.refresh()
    idle = await shown.figures.refresh()
    await put(shown.queue, "a")

    assert (idle, await shown.figures.refresh()) == (False, True)


def test_failures_of_expressions_are_counted() -> None:
    """Two that begin alike share a series."""
    failures, metrics = ExpressionFailures(), Metrics(version="0")
    metrics.show(ExpressionCollector(failures))
    for text in ("object.a + 1", "x" * 300, "x" * 301):
        failures.add(text, "why")

    def value(text: str) -> float | None:
        labels = {"expression": text}
        return metrics.registry.get_sample_value(
            "kubebridge_filter_errors_total", labels
        )

    assert (value("object.a + 1"), value("x" * 200)) == (1, 2)
