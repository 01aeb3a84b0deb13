"""The row about neighbours: does a dead or a slow sink slow the healthy ones down?"""

import asyncio
import statistics
import time
from typing import Any

from bench.bridge_process import (
    Running,
    bridge,
    counts,
    is_up,
    latencies,
    receiver,
    wait_until,
)
from bench.load import Writer
from bench.resources import metrics
from bench.rows import Figures, configuration, folder_of_its_own
from tests.controlplane.cluster import ControlPlane
from tests.ports import free_port

HEALTHY = 8
WARM_UP_SECONDS = 3.0
SLOW_MS = 2_000
"""How long the slow sink takes for each POST."""


def isolation(
    plane: ControlPlane, *, per_second: float, seconds: float, rounds: int
) -> Figures:
    """Compare eight healthy sinks alone and beside a dead and a slow one, by turns.

    The ratios are medians of those of each round: what else the machine does changes
    from minute to minute.
    """
    pairs = []
    for number in range(rounds):
        both = {}
        # In turn: what the machine does else may rise or fall within a round.
        for has_bad in (False, True) if number % 2 else (True, False):
            both[has_bad] = _round(plane, per_second, seconds, has_bad=has_bad)
        pairs.append((both[False], both[True]))
        print(f"isolation, round {number + 1}: {pairs[-1]}", flush=True)
    figures: Figures = {"rounds": rounds}
    for key in pairs[0][0]:
        figures[f"{key}_alone"] = statistics.median(alone[key] for alone, _ in pairs)
        figures[f"{key}_beside"] = statistics.median(beside[key] for _, beside in pairs)
        ratios = [beside[key] / alone[key] for alone, beside in pairs]
        figures[f"{key}_ratio"] = statistics.median(ratios)
    return figures


def _round(
    plane: ControlPlane, per_second: float, seconds: float, *, has_bad: bool
) -> Figures:
    with (
        folder_of_its_own() as folder,
        receiver() as hook,
        receiver(delay_ms=SLOW_MS) as slow,
    ):
        config = configuration(plane, folder, {}) | {"sources": [{}]}
        config["sinks"] = _sinks(hook, slow, has_bad=has_bad)
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            _write(plane, hook, per_second=per_second, seconds=WARM_UP_SECONDS)
            known, cpu = len(latencies(hook)), process.cpu_seconds()
            before = _delivered(process)
            _write(plane, hook, per_second=per_second, seconds=seconds)
            cpu = process.cpu_seconds() - cpu
            took, number = (
                now - then
                for now, then in zip(_delivered(process), before, strict=True)
            )
            cuts = statistics.quantiles(latencies(hook)[known:], n=100)
            return {
                "p50_ms": cuts[49] * 1e3,
                "p99_ms": cuts[98] * 1e3,
                "commit_to_2xx_mean_ms": took / number * 1e3,
                "cpu_ms_per_event": cpu / (per_second * seconds) * 1e3,
            }


def _write(
    plane: ControlPlane, hook: Running, *, per_second: float, seconds: float
) -> None:
    """Write at a rate, and wait until the healthy sinks have all of it."""
    count = int(per_second * seconds)
    wanted = counts(hook)["events"] + count * HEALTHY
    prefix = f"isolation-{time.time_ns()}"
    writer = Writer(plane.apiserver)
    asyncio.run(writer.pace(count, per_second=per_second, prefix=prefix))
    wait_until(lambda: counts(hook)["events"] >= wanted, what="delivery")


def _sinks(hook: Running, slow: Running, *, has_bad: bool) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{hook.port}/"
    sinks = [{"name": f"healthy-{n}", "url": f"{url}{n}"} for n in range(HEALTHY)]
    if has_bad:
        sinks += [
            {"name": "slow", "url": f"http://127.0.0.1:{slow.port}/"},
            {"name": "dead", "url": f"http://127.0.0.1:{free_port()}/"},
        ]
    return sinks


def _delivered(process: Running) -> tuple[float, float]:
    """Return the seconds from commit to 2xx of all healthy deliveries, and these."""
    name, healthy = "kubebridge_delivery_seconds", '{sink="healthy'
    return (
        metrics(process, f"{name}_sum{healthy}"),
        metrics(process, f"{name}_count{healthy}"),
    )
