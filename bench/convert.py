"""Measures the conversion of a watch line into an entry of the queue, in one process.

Without an API server, a queue or a sink: `read_line`, conversion, routes, encoding of
core/v1 Events like those that a kubelet writes, each with its managedFields.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence

from bench.load import event
from bench.rows import Figures
from bridge.cluster import CORE_EVENTS, Change
from bridge.cluster.changes import read_line
from bridge.events.origin import Origin
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import compile_filters
from bridge.ingest import Acceptor, Conversion, EventForm, Source
from bridge.ingest.plan import Planner
from bridge.ingest.settings import SourceConfig
from bridge.queue import Scope

BATCH = 100
"""Events that are planned at a time."""

ROUNDS = 15
"""Rounds, of which the median is reported."""

_FORM = EventForm("kubebridge", "object")


def convert(count: int = 2_000) -> Figures:
    """Return the CPU time of each Event, in µs; the median of `ROUNDS`.

    Args:
        count: Events of one round.
    """
    lines = watch_lines(count)
    found = [_round(lines) for _ in range(ROUNDS)]
    read, planned = (statistics.median(one) for one in zip(*found, strict=True))
    return {
        "read_us": read / count * 1e6,
        "plan_us": planned / count * 1e6,
        "cpu_us": (read + planned) / count * 1e6,
        "line_bytes": len(lines[0]),
    }


def watch_lines(count: int) -> list[bytes]:
    """Return lines as a watch brings them: one Event after another."""
    return [_line(number) for number in range(1, count + 1)]


def _line(number: int) -> bytes:
    body = event(
        "shop", f"checkout.{number:07d}", "Back-off restarting failed container"
    )
    written = {name: {} for name in body if name not in {"metadata", "kind"}}
    body = {"kind": body.pop("kind"), "apiVersion": body.pop("apiVersion"), **body}
    body["metadata"] = {
        "name": f"checkout.{number:07d}",
        "namespace": "shop",
        "uid": f"0b7cf6ac-3f43-4f4e-8ab8-{number:012d}",
        "resourceVersion": str(number),
        "creationTimestamp": "2026-11-20T10:00:05Z",
        "managedFields": [
            {
                "manager": "kubelet",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-11-20T10:00:05Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {f"f:{name}": value for name, value in written.items()},
            }
        ],
    }
    line = {"type": "ADDED", "object": body}
    return json.dumps(line, separators=(",", ":")).encode()


def _round(lines: Sequence[bytes]) -> tuple[float, float]:
    """Return the CPU seconds of reading and of planning."""
    planner = _planner()
    start = time.process_time()
    changes = [read_line(line, resource=CORE_EVENTS) for line in lines]
    middle = time.process_time()
    for first in range(0, len(lines), BATCH):
        batch = [
            one for one in changes[first : first + BATCH] if isinstance(one, Change)
        ]
        assert len(planner.plan(batch).entries) == len(batch)
    return middle - start, time.process_time() - middle


def _planner() -> Planner:
    route = Route(
        name="all", sources=None, matches=compile_filters([]), sinks=("hook",)
    )
    source = Source(settings=SourceConfig(name="events"))
    acceptor = Acceptor(router=Router([route]), forms={"hook": _FORM})
    conversion = Conversion(
        resource=CORE_EVENTS,
        scope=Scope(cluster="uid", resource="events"),
        sources=[source],
        acceptor=acceptor,
        origins={_FORM: Origin(cluster="prod")},
    )
    return Planner(conversion, cursor="0")


if __name__ == "__main__":
    json.dump(convert(), sys.stdout, indent=1)
