"""What stands around the supervisors in tests."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bridge.cluster import ObjectMeta, Resource
from bridge.cluster.builtin import NAMESPACES
from bridge.cluster.client import ClusterUid, ListPage
from bridge.cluster.informer import Informer
from bridge.cluster.store import Store
from bridge.config import Config, parse_config
from bridge.config.parts import build_router, ingest_settings
from bridge.errors import ClusterError, NotServedError
from bridge.health import ReaderStatus
from bridge.ingest import Source, build
from bridge.ingest.build import IngestSettings
from bridge.ingest.source import build_sources
from bridge.queue import Scope

SINK = "sinks: [{type: stdout, name: out}]\n"


def config_of(*sources: str, more: str = "") -> Config:
    """Return a configuration with these sources and one sink."""
    text = f"{SINK}sources: [{', '.join(sources)}]\n{more}"
    return parse_config(text, name="b.yaml", env={})


def sources_of(*sources: str, more: str = "") -> list[Source]:
    """Return these sources, as a configuration makes them."""
    config = config_of(*sources, more=more)
    return build_sources(config.sources, build_router(config))


def settings_of(*sources: str, more: str = "") -> IngestSettings:
    """Return the settings of ingest with these sources and one sink."""
    return ingest_settings(config_of(*sources, more=more))


def label(namespaces: Informer, name: str, **labels: str) -> None:
    """Let a namespace have labels."""
    known = ObjectMeta(key=f"/{name}", uid=name, version="1", labels=labels)
    namespaces.store.put(known)
    namespaces._announce()


def namespace_informer() -> Informer:
    """Return an informer of namespaces that a test writes to."""
    store = Store(keeps_labels=True)
    return Informer(cast("Any", None), NAMESPACES, store=store)


@dataclass
class FakeReader:
    """Reads nothing, until it is told to fail."""

    scope: Scope
    names: tuple[str, ...]
    status: ReaderStatus
    emits_initial: bool = False
    error: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    is_running: bool = False

    async def run(self) -> None:
        """See `Reader.run`; errors come as a group, as from a TaskGroup."""
        self.is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._wait())
        finally:
            self.is_running = False

    async def _wait(self) -> None:
        await self.error


@dataclass
class FakeReaders:
    """Makes readers that a test controls, and one informer for all questions."""

    informer: Informer = field(default_factory=namespace_informer)
    made: list[FakeReader] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have readers and informers made here."""
        monkeypatch.setattr(build, "ScopeReader", self._build)
        monkeypatch.setattr(build.Informers, "start", lambda *_: self.informer)

    def _build(
        self,
        *,
        scope: Scope,
        sources: Sequence[Source],
        status: ReaderStatus,
        **parts: Any,
    ) -> FakeReader:
        """See `ScopeReader`."""
        names = tuple(source.name for source in sources)
        emits = any(source.emits_initial for source in sources)
        self.made.append(
            FakeReader(scope=scope, names=names, status=status, emits_initial=emits)
        )
        return self.made[-1]

    @property
    def running(self) -> list[tuple[str, tuple[str, ...]]]:
        """The namespaces that are read now, and for which sources."""
        running = [one for one in self.made if one.is_running]
        return sorted((one.scope.namespace, one.names) for one in running)


def resources(*kinds: tuple[str, str], namespaced: bool = True) -> bytes:
    """Return an APIResourceList with names and kinds that can be watched."""
    served = [
        {"name": n, "kind": k, "namespaced": namespaced, "verbs": ["list", "watch"]}
        for n, k in kinds
    ]
    return json.dumps({"kind": "APIResourceList", "resources": served}).encode()


def group(*versions: str) -> bytes:
    """Return an APIGroup."""
    listed = [{"version": one} for one in versions]
    found = {"versions": listed, "preferredVersion": listed[0]}
    return json.dumps({"kind": "APIGroup", **found}).encode()


@dataclass
class FakeApi:
    """Answers what supervisors ask an API server.

    Attributes:
        answers: By path; what is not there is not served.
        refusals: Why a resource cannot be listed everywhere, by name.
        uids: What it is called, or why that is not known; the last one stays.
        requests: Every path, and every resource that was listed.
    """

    answers: dict[str, bytes | ClusterError] = field(
        default_factory=lambda: {
            "/api/v1": resources(("pods", "Pod"), ("events", "Event")),
            "/apis/apps": group("v1"),
            "/apis/apps/v1": resources(("deployments", "Deployment")),
        }
    )
    refusals: dict[str, ClusterError] = field(default_factory=dict)
    uids: list[ClusterUid | ClusterError] = field(
        default_factory=lambda: [ClusterUid(uid="uid", derived=False)]
    )
    requests: list[str] = field(default_factory=list)
    server: str = "https://api.test"
    answered_at: float = 0.0

    async def get(self, path: str) -> bytes:
        """See `ClusterClient.get`."""
        self.requests.append(path)
        answer = self.answers.get(path, NotServedError(f"get {path}", status=404))
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    async def list_page(self, resource: Resource, **options: Any) -> ListPage:
        """See `ClusterClient.list_page`."""
        self.requests.append(f"list {resource.name}")
        if resource.name in self.refusals:
            raise self.refusals[resource.name]
        return ListPage(items=[], resource_version="1", continue_token="")

    async def cluster_uid(self) -> ClusterUid:
        """See `ClusterClient.cluster_uid`."""
        found = self.uids.pop(0) if len(self.uids) > 1 else self.uids[0]
        if isinstance(found, ClusterError):
            raise found
        return found
