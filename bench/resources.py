"""The rows about reading: catching up, what nobody wants, and many objects."""

import asyncio
from typing import Any

from bench.bridge_process import Running, bridge, is_up, receiver, wait_until
from bench.load import Writer
from bench.objects import Objects, config_map, pod
from bench.rows import Figures, configuration, folder_of_its_own
from tests.controlplane.cluster import ControlPlane
from tests.ports import free_port

CONFIG_MAPS = 2_000

STEP = 0.25
"""Seconds between two looks at the metrics, which cost the bridge some 5 ms each."""


def catch_up(plane: ControlPlane, count: int) -> Figures:
    """Events per second from a stored cursor into the queue; one is never taken."""
    with folder_of_its_own() as folder, receiver(delay_ms=600_000) as hook:
        sink = {"url": f"http://127.0.0.1:{hook.port}/", "concurrency": 1}
        config = configuration(plane, folder, sink) | {"sources": [{}]}
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
        asyncio.run(Writer(plane.apiserver).fill(count, prefix="catch"))
        with bridge(config, folder, port=free_port()) as process:
            up = wait_until(lambda: is_up(process), what="the start", step=0.002)
            cpu = process.cpu_seconds()
            done = wait_until(
                lambda: depth(process) >= count, what="all of it", step=STEP
            )
            return {
                "events_per_second": count / (done - up),
                "cpu_us_per_event": (process.cpu_seconds() - cpu) / count * 1e6,
                "rss_mb": process.resident_mb(),
            }


def depth(process: Running) -> float:
    """Return how many deliveries were put into the queue for the sink."""
    return metric(process, 'kubebridge_deliveries_routed_total{sink="hook"}')


def metric(process: Running, name: str) -> float:
    """Return the value of a metric; 0 where there is none yet."""
    for line in process.get("/metrics").decode().splitlines():
        if line.startswith(name):
            return float(line.rpartition(" ")[2])
    return 0.0


def metrics(process: Running, start: str) -> float:
    """Return the sum of all metrics whose name and labels begin so."""
    lines = process.get("/metrics").decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)
    )


def unwanted(plane: ControlPlane, count: int) -> Figures:
    """CPU for each watch line of a resource that no route wants."""
    objects = Objects(plane.apiserver, "configmaps")
    names = [f"unwanted-{number}" for number in range(CONFIG_MAPS)]
    asyncio.run(objects.create(map(config_map, names)))
    with folder_of_its_own() as folder:
        config = nobody_wants(plane, folder, "ConfigMap")
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
        turns = (names[turn % CONFIG_MAPS] for turn in range(count))
        asyncio.run(objects.touch(turns))
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process), what="the start", step=0.002)
            cpu = process.cpu_seconds()
            received = 'kubebridge_events_received_total{resource="configmaps"'
            wait_until(
                lambda: metric(process, received) >= count,
                what="all of it",
                step=STEP,
            )
            return {"cpu_us_per_line": (process.cpu_seconds() - cpu) / count * 1e6}


def nobody_wants(plane: ControlPlane, folder: Any, kind: str) -> Any:
    """Return a configuration that reads a kind for no route at all."""
    sink = {"url": f"http://127.0.0.1:{free_port()}/"}
    return configuration(plane, folder, sink) | {
        "sources": [{"kind": kind, "name": "unwanted"}, {"name": "events"}],
        "routes": [{"name": "events", "sources": ["events"]}],
    }


def pods(plane: ControlPlane, count: int) -> Figures:
    """Resident memory with `count` watched Pods."""
    created = (pod(f"checkout-{number:06d}") for number in range(count))
    asyncio.run(Objects(plane.apiserver, "pods").create(created))
    return watched(plane) | flooded(plane, count)


def watched(plane: ControlPlane) -> Figures:
    """Resident memory once all Pods are known."""
    with folder_of_its_own() as folder:
        sink = {"url": f"http://127.0.0.1:{free_port()}/"}
        config = configuration(plane, folder, sink) | {"sources": [{"kind": "Pod"}]}
        with bridge(config, folder, port=free_port()) as process:
            up = wait_until(lambda: is_up(process), what="the start", step=0.01)
            bare = process.resident_mb()
            ready = wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            return {
                "bare_mb": bare,
                "rss_mb": process.resident_mb(),
                "peak_mb": process.peak_mb(),
                "known": metric(process, "kubebridge_objects_known"),
                "sync_s": ready - up,
            }


def flooded(plane: ControlPlane, count: int) -> Figures:
    """The same when each becomes an event, and the sink takes one in 20 ms."""
    with folder_of_its_own() as folder, receiver(delay_ms=20) as hook:
        sink = {"url": f"http://127.0.0.1:{hook.port}/", "concurrency": 1}
        source = {"kind": "Pod", "initial": "emit"}
        config = configuration(plane, folder, sink) | {"sources": [source]}
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process), what="the start")
            wait_until(lambda: depth(process) >= count, what="all of it", step=0.5)
            lists = metric(process, "kubebridge_watch_restarts_total")
            return {"flooded_peak_mb": process.peak_mb(), "flooded_restarts": lists}
