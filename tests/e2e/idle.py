"""Fifty watches of namespaces in which nothing happens, while others are busy."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge
from tests.e2e.receiver import Receiver
from tests.e2e.scribe import CONFIG_MAPS, EVENTS, Kind, Scribe
from tests.faultproxy import HttpProxy, Request, http_proxy, proxied_kubeconfig

NAMESPACES = [f"quiet-{number:02d}" for number in range(50)]
KINDS = (EVENTS, CONFIG_MAPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """A bridge with fifty quiet watches."""

    plane: ControlPlane
    bridge: Bridge
    proxy: HttpProxy

    def be_quiet(
        self, seconds: float, *, compact_every: float, compactions: int
    ) -> None:
        """Let others write for so long, and forget history as the API server does.

        So many times it compacts, each time to where it was one interval before.
        """
        etcd, end = self.plane.etcd, time.monotonic() + seconds
        before = etcd.current_revision()
        with ExitStack() as stack:
            for kind in KINDS:
                stack.enter_context(self._scribe(kind))
            for _ in range(compactions):
                time.sleep(compact_every)
                before, _ = etcd.current_revision(), etcd.compact(before)
            time.sleep(max(0.0, end - time.monotonic()))

    def _scribe(self, kind: Kind) -> Scribe:
        server = self.plane.apiserver
        return Scribe(server, kind, namespace="default", seed=1, pause_seconds=0.2)

    def speak(self) -> None:
        """Write one object into each namespace."""
        for name, kind in self.watched():
            body = kind.make(name, "at-last")
            path = kind.path.format(name)
            self.plane.apiserver.request("POST", path, body)

    def watched(self) -> Iterator[tuple[str, Kind]]:
        """Yield each namespace and the kind that is watched there."""
        for number, name in enumerate(NAMESPACES):
            yield name, KINDS[number % len(KINDS)]

    def watches(self) -> Sequence[Request]:
        """Return every watch that was opened so far."""
        return [one for one in self.proxy.requests if one.is_watch]

    def lists(self, plural: str) -> Sequence[Request]:
        """Return every list of a kind, without looks at the version alone."""
        asked = self.proxy.requests
        return [
            one
            for one in asked
            if one.is_whole and not one.is_watch and one.plural == plural
        ]

    def trouble(self) -> list[dict[str, Any]]:
        """Return what was logged as a warning or an error."""
        lines = map(json.loads, self.bridge.log.read_text().splitlines())
        return [line for line in lines if line["level"] not in {"debug", "info"}]


@contextmanager
def idleness(
    plane: ControlPlane, receiver: Receiver, folder: Path, *, module: str = "bridge"
) -> Iterator[Idleness]:
    """Run a bridge with a source for each namespace, one after the other a kind."""
    server = plane.apiserver
    for name in NAMESPACES:
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    sources = [
        {**KINDS[number % len(KINDS)].source, "name": name, "namespaces": [name]}
        for number, name in enumerate(NAMESPACES)
    ]
    with (
        http_proxy(server) as proxy,
        Bridge(
            folder=folder,
            kubeconfig=proxied_kubeconfig(server, proxy, folder / "kubeconfig"),
            module=module,
            sources=sources,
            sinks=[{"name": "hook", "url": receiver.url}],
        ) as bridge,
    ):
        bridge.start_and_wait()
        yield Idleness(plane=plane, bridge=bridge, proxy=proxy)
