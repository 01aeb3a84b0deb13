"""Histograms of durations that cost next to nothing to fill.

The library's own take a lock twice and walk through their buckets for each value: in a
backlog, whose durations are long, a microsecond of the forty that an event costs. These
are filled by one thread alone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Durations:
    """How many durations fell into each bucket."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count nothing yet; `bounds` are the buckets' upper ends in seconds."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, durations: Iterable[float]) -> None:
        """Count durations, in seconds."""
        for seconds in durations:
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self._sum += seconds

    @property
    def total(self) -> float:
        """The sum of all, in seconds."""
        return self._sum

    def buckets(self) -> list[tuple[str, float]]:
        """Return the upper end of each bucket, and how many are not above it."""
        ends = [*[str(float(bound)) for bound in self._bounds], "+Inf"]
        return [*zip(ends, accumulate(self._counts), strict=True)]


class DurationHistogram(Collector):
    """A metric with one label and a histogram for each of its values."""

    def __init__(
        self,
        name: str,
        documentation: str,
        label: str,
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Register it.

        Args:
            name: Of the metric.
            documentation: What it counts.
            label: Name of its label.
            buckets: Their upper ends in seconds; another one has no end.
            registry: Where to.
        """
        self._describe = (name, documentation)
        self._label = label
        self._buckets = buckets
        self._children: dict[str, Durations] = {}
        registry.register(self)

    def labels(self, value: str) -> Durations:
        """Return the histogram for one value of the label."""
        return self._children.setdefault(value, Durations(self._buckets))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """See `Collector`."""
        name, documentation = self._describe
        family = HistogramMetricFamily(name, documentation, labels=[self._label])
        for value, child in self._children.items():
            family.add_metric([value], child.buckets(), child.total)
        yield family
