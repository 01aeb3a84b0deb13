"""Histograms of durations, compared with those of the library."""

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

from bridge.metrics.durations import DurationHistogram

BOUNDS = (0.005, 0.5, 1, 60)


def test_a_histogram_reads_as_the_librarys_own() -> None:
    """Bounds belong to their bucket; what is longer than all is counted too."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    own = DurationHistogram("d", "Of x.", "sink", buckets=BOUNDS, registry=ours)
    library = Histogram("d", "Of x.", ("sink",), buckets=BOUNDS, registry=theirs)
    found = {"a": (0.001, 0.005, 0.3, 1.0, 2.5, 600.0), "b": ()}

    for sink, durations in found.items():
        own.labels(sink).observe(durations)
        for seconds in durations:
            library.labels(sink).observe(seconds)
        library.labels(sink)

    assert _lines(ours) == _lines(theirs)


def test_a_label_has_one_histogram() -> None:
    """Asked for again, it has counted what was observed before."""
    own = DurationHistogram(
        "d", "Of x.", "sink", buckets=BOUNDS, registry=CollectorRegistry()
    )

    own.labels("a").observe([1.0])
    own.labels("a").observe([2.0])

    assert own.labels("a").total == 3.0


def _lines(registry: CollectorRegistry) -> list[str]:
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if "_created" not in line]
