"""The row about growth: a steady load for many minutes, in a cluster of its own.

What is kept on purpose is kept for minutes only, here and in the cluster, so that it
comes to an end before anything is compared.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.bridge_process import Running, bridge, counts, is_up, receiver, wait_until
from bench.load import Writer
from bench.rows import Figures, configuration, folder_of_its_own, settled
from tests.controlplane.cluster import ControlPlane
from tests.ports import free_port

WARM_UP_MINUTES = 4
"""After these an Event of the cluster and a kept one of ours leave for each new one."""

_EVENT_TTL, _KEEP = "2m", "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the process takes at one moment.

    Attributes:
        rss_mb: Resident memory, in MB of 10^6 bytes.
        files_mb: The queue's file, its log and what else lies beside them.
        descriptors: Open file descriptors.
        cpu_seconds: User and system time so far.
        events: What the receiver has counted.
    """

    rss_mb: float
    files_mb: float
    descriptors: int
    cpu_seconds: float
    events: int

    def line(self, minute: int) -> str:
        """Return the sample as a line of text."""
        return (
            f"minute {minute:>3}: {self.rss_mb:7.1f} MB resident, "
            f"{self.files_mb:7.1f} MB of files, {self.descriptors} descriptors, "
            f"{self.cpu_seconds:.0f} s of CPU, {self.events:,} events"
        )


def endurance(
    binaries: Mapping[str, Path], *, per_second: float, minutes: int
) -> Figures:
    """Growth of memory, files and descriptors, the last quarter against the first."""
    with (
        tempfile.TemporaryDirectory(prefix="kubebridge-bench-") as place,
        ControlPlane(
            folder=Path(place),
            binaries=binaries,
            event_ttl=_EVENT_TTL,
            compaction_interval=_KEEP,
        ) as plane,
        folder_of_its_own() as folder,
        receiver() as hook,
    ):
        config = configuration(plane, folder, {"url": f"http://127.0.0.1:{hook.port}/"})
        config["sources"] = [{}]
        config["queue"]["keep"] = _KEEP
        config["journal"] = {"keep": _KEEP}
        with bridge(config, folder, port=free_port()) as process:
            wait_until(lambda: is_up(process, "/readyz"), what="readiness")
            count = int(per_second * 60 * (WARM_UP_MINUTES + minutes))
            work = _writing(plane, count, per_second)
            with ThreadPoolExecutor(1) as loader:
                written = loader.submit(asyncio.run, work)
                samples = _watch(written, process, hook, folder)
                written.result()
            wait_until(lambda: counts(hook)["events"] >= count, what="delivery")
            settled(process)
            lost_or_twice = counts(hook)["events"] - count
    return _compare(samples[WARM_UP_MINUTES:]) | {"duplicates": lost_or_twice}


async def _writing(plane: ControlPlane, count: int, per_second: float) -> None:
    writer = Writer(plane.apiserver)
    await writer.pace(count, per_second=per_second, prefix="endure")


def _watch(
    written: Future[None], process: Running, hook: Running, folder: Path
) -> list[Sample]:
    """Take a sample each minute until everything is written."""
    samples: list[Sample] = []
    began = time.monotonic()
    while not written.done():
        time.sleep(max(0.0, min(1.0, began - time.monotonic() + 60)))
        if time.monotonic() - began >= 60:
            began += 60
            samples.append(_sample(process, hook, folder))
            print(samples[-1].line(len(samples)), flush=True)
    return samples


def _sample(process: Running, hook: Running, folder: Path) -> Sample:
    beside = [path for path in folder.iterdir() if not path.name.startswith("bridge.")]
    return Sample(
        rss_mb=process.resident_mb(),
        files_mb=sum(path.stat().st_size for path in beside) / 1e6,
        descriptors=sum(1 for _ in Path(f"/proc/{process.process.pid}/fd").iterdir()),
        cpu_seconds=process.cpu_seconds(),
        events=counts(hook)["events"],
    )


def _compare(samples: Sequence[Sample]) -> Figures:
    """Return the means of the first and the last quarter."""
    quarter = max(1, len(samples) // 4)
    figures: Figures = {"minutes": len(samples)}
    for name in ("rss_mb", "files_mb", "descriptors"):
        for when, some in (("first", samples[:quarter]), ("last", samples[-quarter:])):
            figures[f"{name}_{when}"] = statistics.fmean(
                getattr(sample, name) for sample in some
            )
    spent = samples[-1].cpu_seconds - samples[0].cpu_seconds
    events = samples[-1].events - samples[0].events
    figures["events_per_second"] = events / 60 / max(1, len(samples) - 1)
    figures["cpu_us_per_event"] = spent / max(1, events) * 1e6
    return figures
