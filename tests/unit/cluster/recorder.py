"""Runs a reflector on a cluster in memory, and keeps what comes."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bridge.cluster import CORE_EVENTS, Change, Item, Resource
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.reflector import Reflector
from bridge.cluster.reflector.retry import Observer
from bridge.cluster.store import Store
from bridge.errors import ClusterError
from tests.unit.cluster.fakes import FakeCluster

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
START = datetime(2026, 1, 1, tzinfo=UTC)


class Recorder:
    """Runs a reflector on a fake cluster and keeps what comes."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.reports: list[ClusterError | None] = []
        self.counts: list[str] = []
        self.longest_batch = 0

    async def run(
        self,
        cluster: FakeCluster,
        *,
        seconds: float,
        resource: Resource = CORE_EVENTS,
        **options: object,
    ) -> None:
        """Read for some seconds of the loop's time."""
        selectors = {
            key: options.pop(key)
            for key in ("namespace", "field_selector", "label_selector")
            if key in options
        }
        observer = Observer(
            report=self.reports.append,
            count=self.counts.append,
            now=loop_now,
            random=lambda: 0.5,
        )
        list_watch = ListWatch(client=cluster, resource=resource, **selectors)
        reflector = Reflector(list_watch, into=self, observer=observer, **options)
        try:
            async with asyncio.timeout(seconds):
                await reflector.run()
        except TimeoutError:
            pass

    async def put(self, batch: Sequence[Item]) -> None:
        """Keep a batch."""
        assert batch
        self.items.extend(batch)
        self.longest_batch = max(self.longest_batch, len(batch))

    @property
    def versions(self) -> list[str]:
        """The versions of the changes."""
        return [one.resource_version for one in self.items if isinstance(one, Change)]

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Each change: what happened, to which object, at which version."""
        return [
            (one.change, one.known.name if one.known else "", one.resource_version)
            for one in self.items
            if isinstance(one, Change)
        ]

    @property
    def numbers(self) -> set[int]:
        """The versions of the changes, as numbers."""
        return {int(version) for version in self.versions}

    @property
    def others(self) -> list[Item]:
        """What is not a change."""
        return [one for one in self.items if not isinstance(one, Change)]


def loop_now() -> datetime:
    """The wall clock of tests: seconds of the loop since 2026."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def later(seconds: float, call: Callable[..., object], *arguments: object) -> None:
    """Let something happen while a watch runs."""
    asyncio.get_running_loop().call_later(seconds, call, *arguments)


async def known_by(cluster, **options):
    """What a reader knows that read the cluster until now, and its cursor."""
    store, recorder = Store(), Recorder()
    await recorder.run(cluster, seconds=0.1, resource=PODS, store=store)
    return {"store": store, "cursor": str(cluster.version), "resource": PODS}


async def read_again(cluster, known, *, seconds=9):
    """What the reader finds after a restart of the API server."""
    recorder = Recorder()
    cluster.restart()
    cluster.requests.clear()
    await recorder.run(cluster, seconds=seconds, **known)
    return recorder
