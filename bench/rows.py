"""The rows of the table: each measures one thing and returns figures."""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.bridge_process import (
    ROOT,
    Running,
    bridge,
    counts,
    is_up,
    latencies,
    receiver,
    wait_until,
)
from bench.candidates import Candidate
from bench.load import Writer
from tests.controlplane.cluster import ControlPlane
from tests.ports import free_port

Figures = dict[str, float]


def configuration(plane: ControlPlane, folder: Path, sink: dict[str, Any]) -> Any:
    """Return the default configuration with one sink, reading what is retained."""
    return {
        "cluster": {"kubeconfig": str(plane.apiserver.kubeconfig())},
        "sources": [{"initial": "emit"}],
        "sinks": [{"name": "hook", **sink}],
        "queue": {"path": str(folder / "queue.db"), "maxSize": "4GiB"},
    }


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """Yield a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="kubebridge-bench-") as folder:
        yield Path(folder)


def throughput(
    plane: ControlPlane,
    count: int,
    *,
    delay_ms: float = 0,
    candidate: Candidate | None = None,
    **more: Any,
) -> Figures:
    """Events per second and CPU per event for `count` retained Events.

    `more` are further keys of the sink.
    """
    with folder_of_its_own() as folder, receiver(delay_ms=delay_ms) as hook:
        sink: dict[str, Any] = {"url": f"http://127.0.0.1:{hook.port}/"} | more
        config = configuration(plane, folder, sink)
        with bridge(config, folder, port=free_port(), candidate=candidate) as process:
            ready = wait_until(lambda: is_up(process), what="readiness", step=0.002)
            cpu = process.cpu_seconds()
            wait_until(lambda: counts(hook)["events"] >= count, what="delivery")
            settled(process)
            cpu = process.cpu_seconds() - cpu
            got = counts(hook)
            return {
                "events_per_second": count / (got["last"] - ready),
                "cpu_us_per_event": cpu / count * 1e6,
                "connections": got["connections"],
                "duplicates": got["events"] - count,
                "rss_mb": process.resident_mb(),
            }


def settled(process: Running) -> None:
    """Wait until nothing waits any more."""
    zero = b'kubebridge_queue_depth{sink="hook"} 0.0'
    wait_until(lambda: zero in process.get("/metrics"), what="settling", step=0.1)


def latency(plane: ControlPlane, *, per_second: float, seconds: float) -> Figures:
    """Milliseconds from the write (before its POST) to the receiver."""
    count = int(per_second * seconds)
    with folder_of_its_own() as folder, receiver() as hook:
        sink = {"url": f"http://127.0.0.1:{hook.port}/"}
        config = configuration(plane, folder, sink) | {"sources": [{}]}
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            prefix = f"pace-{time.time_ns()}"
            writer = Writer(plane.apiserver)
            asyncio.run(writer.pace(count, per_second=per_second, prefix=prefix))
            wait_until(lambda: counts(hook)["events"] >= count, what="delivery")
            cuts = statistics.quantiles(latencies(hook), n=100)
            return {"p50_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3}


def memory(
    plane: ControlPlane, count: int, *, candidate: Candidate | None = None
) -> Figures:
    """Resident memory with `count` retained Events, all of them queued."""
    with folder_of_its_own() as folder:
        sink = {"url": f"http://127.0.0.1:{free_port()}/", "concurrency": 1}
        config = configuration(plane, folder, sink)
        with bridge(config, folder, port=free_port(), candidate=candidate) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness", step=0.5)
            return {"rss_mb": process.resident_mb(), "queued": count}


def start(plane: ControlPlane, *, candidate: Candidate | None = None) -> Figures:
    """Seconds from exec to the first delivery."""
    with folder_of_its_own() as folder, receiver() as hook:
        sink = {"url": f"http://127.0.0.1:{hook.port}/"}
        config = configuration(plane, folder, sink)
        with bridge(config, folder, port=free_port(), candidate=candidate) as process:
            wait_until(lambda: counts(hook)["events"] > 0, what="delivery", step=0.01)
            return {"exec_to_delivery_s": counts(hook)["first"] - process.started}


def help_text() -> Figures:
    """Seconds of CPU that `kubebridge --help` takes."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        command = [sys.executable, "-m", "bridge", "--help"]
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return {"wall_s": statistics.median(times)}


def claim(rows: int) -> Figures:
    """Milliseconds to lease 100 of `rows` waiting deliveries, and the CPU's share."""
    command = [sys.executable, "-m", "bench.claim", "--rows", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found = json.loads(done.stdout)
    figures: Figures = {"fill_s": found.pop("fill_seconds"), "rows": rows}
    for case, some in found.items():
        figures |= {f"{case}: {key}": value for key, value in some.items()}
    return figures
