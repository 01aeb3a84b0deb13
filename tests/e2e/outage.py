"""A sink that is gone while events about many objects pile up, and what came of it."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec

from bench.load import event
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.ports import free_port

PODS = 200
"""About so many objects are the Events."""


class PodWriter(Writer):
    """Writes Events about many Pods, and repeats of them."""

    async def create(self, session: aiohttp.ClientSession, name: str) -> None:
        """Create one Event about the next Pod."""
        body: dict[str, Any] = event(self._namespace, name, "Back-off restarting")
        body["involvedObject"]["uid"] = f"pod-{len(self.names) % PODS}"
        async with session.post(self._url, json=body) as answer:
            self._note(await answer.json(), answer.status)
        self.names.append(name)


def disorder(bodies: Iterable[bytes]) -> list[str]:
    """Return the ids that came after a later one about the same object.

    An object is what `partitionkey` names; a repeat of the latest is in order.
    """
    latest: dict[str, int] = defaultdict(int)
    late = []
    for found in map(msgspec.json.decode, bodies):
        key = found["partitionkey"]
        version = int(found["data"]["metadata"]["resourceVersion"])
        if version < latest[key]:
            late.append(found["id"])
        latest[key] = max(version, latest[key])
    return late


@dataclass(slots=True, kw_only=True)
class Outage:
    """A bridge, a writer, and a sink that nobody is behind; `with` runs them."""

    plane: ControlPlane
    folder: Path
    settings: dict[str, Any]
    writer: PodWriter = field(init=False)
    bridge: Bridge = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _port: int = field(default_factory=free_port)

    def __enter__(self) -> Self:
        namespace = make_namespace(self.plane)
        self.writer = PodWriter(self.plane.apiserver, namespace)
        url = f"http://127.0.0.1:{self._port}/hook"
        self.bridge = Bridge(
            folder=self.folder,
            kubeconfig=self.plane.apiserver.kubeconfig(),
            sources=[{"namespaces": [namespace]}],
            sinks=[{"name": "hook", "url": url, **self.settings}],
        )
        self._stack.enter_context(self.bridge)
        self.bridge.start_and_wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pile_up(self, count: int) -> None:
        """Write events, and wait until all of them wait for the sink."""
        self.writer.fill(count, prefix="outage")
        wait_until(lambda: self.bridge.backlog("hook") == count)

    def back(self) -> Receiver:
        """Return what will be behind the sink."""
        return Receiver(port=self._port)

    def end(self, *, seconds: float) -> Receiver:
        """Let the sink be back; wait until it has all, at most so long."""
        receiver = self._stack.enter_context(self.back())
        bodies, count = receiver.ledger.bodies, len(self.writer.ids)
        wait_until(lambda: len(bodies) >= count, seconds=seconds)
        wait_until(lambda: self.bridge.backlog("hook") == 0)
        return receiver
