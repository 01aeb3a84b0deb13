"""Time a lease of 100 from a backlog of a million: `python -m bench.claim`.

One file, in which each event waits for two sinks, one without order and one in order by
object; it is opened anew before it is measured. Two cases of order: leases that are
answered at once, and leases of which one in ten is told to wait an hour, so that more
and more objects are held up.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bridge.events import EncodedEvent
from bridge.queue import (
    Delivered,
    Entry,
    Lease,
    Ordering,
    Outcome,
    Retry,
    Scope,
)
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue

_SCOPE = Scope(cluster="bench", resource="events")
_SINKS: dict[str, Ordering] = {"none": "none", "object": "object"}
_GIB = 1024**3


def main() -> None:
    """Measure, and print p50 and p99 in milliseconds, also those of CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--leases", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kubebridge-claim-") as folder:
        figures = asyncio.run(_measure(Path(folder) / "queue.db", arguments))
    print(json.dumps(figures, indent=1))


async def _measure(path: Path, arguments: argparse.Namespace) -> dict[str, object]:
    begin = time.perf_counter()
    async with _open(path) as queue:
        await _fill(queue, arguments.rows, arguments.objects)
    figures: dict[str, object] = {"fill_seconds": round(time.perf_counter() - begin, 1)}
    times, limit = arguments.leases, arguments.limit
    async with _open(path) as queue:
        await _open_sinks(queue)
        for sink in _SINKS:
            figures[sink] = await _lease_often(queue, sink, times, limit, fails=0)
        held_up = await _lease_often(queue, "object", times, limit, fails=10)
        figures["object, one in ten fails"] = held_up
    return figures


def _open(path: Path) -> AbstractAsyncContextManager[SqliteQueue]:
    return SqliteQueue.open(QueueConfig(path=path, maxSize="16GiB"))


async def _open_sinks(queue: SqliteQueue) -> None:
    for sink, ordering in _SINKS.items():
        await queue.open_sink(sink, ordering=ordering)


async def _fill(queue: SqliteQueue, rows: int, objects: int) -> None:
    await _open_sinks(queue)
    cursor: str | None = None
    for start in range(0, rows, queue.max_entries):
        numbers = range(start, min(rows, start + queue.max_entries))
        entries = [_entry(number, number % objects) for number in numbers]
        to = str(start + 1)
        await queue.put(entries, scope=_SCOPE, since=cursor, to=to)
        cursor = to


def _entry(number: int, key: int) -> Entry:
    head = b'{"specversion":"1.0","id":"%d","partitionkey":"%d","data":' % (number, key)
    body = head + b'"%s"}' % (b"x" * 500)
    encoded = EncodedEvent(id=str(number), body=body, data_offset=len(head))
    return Entry(event=None, encoded=encoded, sinks=tuple(_SINKS), routes=("all",))


async def _lease_often(
    queue: SqliteQueue, sink: str, times: int, limit: int, *, fails: int
) -> dict[str, float]:
    taken: list[float] = []
    worked: list[float] = []
    leased = 0
    for _ in range(times):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        leases = await queue.lease(sink, limit)
        taken.append((time.perf_counter() - begin) * 1e3)
        worked.append((time.process_time() - begin_cpu) * 1e3)
        leased += len(leases)
        await queue.settle(_outcomes(leases, fails))
    cuts = statistics.quantiles(taken, n=100)
    cuts_cpu = statistics.quantiles(worked, n=100)
    return {
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "cpu_p50_ms": round(cuts_cpu[49], 2),
        "cpu_p99_ms": round(cuts_cpu[98], 2),
        "leased": leased,
    }


def _outcomes(leases: Sequence[Lease], fails: int) -> list[Outcome]:
    due = time.time() + 3600
    return [
        Retry(lease=lease, due=due)
        if fails and number % fails == 0
        else Delivered(lease=lease)
        for number, lease in enumerate(leases)
    ]


if __name__ == "__main__":
    main()
