"""The rows about clusters as they are: a few Events a second, or none at all."""

import asyncio
import json
import statistics
import subprocess
import time

from bench.bridge_process import (
    bridge,
    counts,
    is_up,
    latencies,
    receiver,
    wait_until,
)
from bench.candidates import Candidate
from bench.load import Writer
from bench.rows import Figures, configuration, folder_of_its_own, settled
from tests.controlplane.cluster import ControlPlane
from tests.ports import free_port

WARM_UP = 50
"""Events written before anything counts: connections are open and caches warm."""

_IMPORT = """
import json, resource, time
begin = time.perf_counter()
import bridge.app
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({"import_s": seconds, "import_mb": peak}))
"""

QUIET_SECONDS = 5.0
"""How long an idle bridge is left alone before it is measured."""


def steady(
    plane: ControlPlane,
    *,
    per_second: float,
    seconds: float,
    candidate: Candidate | None = None,
) -> Figures:
    """CPU for each Event at a steady rate, and milliseconds from write to receiver."""
    count = int(per_second * seconds)
    with folder_of_its_own() as folder, receiver() as hook:
        sink = {"url": f"http://127.0.0.1:{hook.port}/"}
        config = configuration(plane, folder, sink) | {"sources": [{}]}
        with bridge(config, folder, port=free_port(), candidate=candidate) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            writer = Writer(plane.apiserver)
            prefix = f"steady-{time.time_ns()}"
            asyncio.run(writer.pace(WARM_UP, per_second=50, prefix=f"{prefix}-warm"))
            wait_until(lambda: counts(hook)["events"] >= WARM_UP, what="warming up")
            settled(process)
            cpu, wakeups = process.cpu_seconds(), process.wakeups()
            asyncio.run(writer.pace(count, per_second=per_second, prefix=prefix))
            wait_until(
                lambda: counts(hook)["events"] >= WARM_UP + count,
                what="delivery",
                step=0.2,
            )
            cpu = process.cpu_seconds() - cpu
            wakeups = process.wakeups() - wakeups
            cuts = statistics.quantiles(latencies(hook)[WARM_UP:], n=100)
            return {
                "cpu_us_per_event": cpu / count * 1e6,
                "wakeups_per_event": wakeups / count,
                "p50_ms": cuts[49] * 1e3,
                "p99_ms": cuts[98] * 1e3,
                "duplicates": counts(hook)["events"] - WARM_UP - count,
            }


def idle(
    plane: ControlPlane, *, seconds: float, candidate: Candidate | None = None
) -> Figures:
    """CPU, wakeups a second and memory of a bridge to which nothing happens."""
    with folder_of_its_own() as folder:
        sink = {"url": f"http://127.0.0.1:{free_port()}/"}
        config = configuration(plane, folder, sink) | {"sources": [{}]}
        with bridge(config, folder, port=free_port(), candidate=candidate) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            time.sleep(QUIET_SECONDS)
            cpu, wakeups, begin = (
                process.cpu_seconds(),
                process.wakeups(),
                time.monotonic(),
            )
            time.sleep(seconds)
            took = time.monotonic() - begin
            return {
                "cpu_percent": (process.cpu_seconds() - cpu) / took * 100,
                "wakeups_per_second": (process.wakeups() - wakeups) / took,
                "rss_mb": process.resident_mb(),
            }


def imports(*, candidate: Candidate) -> Figures:
    """Seconds and resident memory of importing what `kubebridge run` needs."""
    done = subprocess.run(
        [str(candidate.python), "-c", _IMPORT],
        check=True,
        capture_output=True,
        cwd=candidate.root,
    )
    return dict(json.loads(done.stdout))
