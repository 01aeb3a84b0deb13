"""Ten sinks of one bridge: eight are well, one is slow, nobody is behind the last."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.brisk import BRISK
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.ports import free_port

HEALTHY = tuple(f"healthy-{number}" for number in range(8))
SLOW_SECONDS = 8.0
"""What the slow one takes for each event; the timeout of an attempt is 15 s."""


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Bridge, writer and receivers; `with` runs them.

    Attributes:
        healthy: Eight receivers that answer at once.
        slow: One that takes its time for each event.
        port: Where the dead one would listen.
    """

    plane: ControlPlane
    folder: Path
    healthy: dict[str, Receiver] = field(default_factory=dict)
    slow: Receiver = field(default_factory=lambda: Receiver(delay_seconds=SLOW_SECONDS))
    port: int = field(default_factory=free_port)
    writer: Writer = field(init=False)
    bridge: Bridge = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        for name in HEALTHY:
            self.healthy[name] = self._stack.enter_context(Receiver())
        self._stack.enter_context(self.slow)
        namespace = make_namespace(self.plane)
        self.writer = Writer(self.plane.apiserver, namespace)
        self.bridge = Bridge(
            folder=self.folder,
            kubeconfig=self.plane.apiserver.kubeconfig(),
            sources=[{"namespaces": [namespace]}],
            sinks=self._sinks(),
        )
        self._stack.enter_context(self.bridge)
        self.bridge.start_and_wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _sinks(self) -> list[dict[str, Any]]:
        dead = f"http://127.0.0.1:{self.port}/hook"
        return [
            {"name": "dead", "url": dead, **BRISK},
            {"name": "slow", "url": self.slow.url, "concurrency": 4},
            *({"name": name, "url": one.url} for name, one in self.healthy.items()),
        ]

    def backlogs(self) -> dict[str, int]:
        """Return what waits for each sink."""
        items = self.bridge.get("/api/v1/sinks").json()["items"]
        return {one["name"]: one["backlog"] for one in items}

    def wait_caught_up(self, *, seconds: float) -> dict[str, int]:
        """Wait until the healthy ones have all; return the backlogs of that moment."""
        found: dict[str, int] = {}

        def is_caught_up() -> bool:
            found.update(self.backlogs())
            counts = [len(one.ledger.bodies) for one in self.healthy.values()]
            is_empty = not any(found[name] for name in HEALTHY)
            return is_empty and min(counts) >= len(self.writer.ids)

        wait_until(is_caught_up, seconds=seconds)
        return found

    def revive(self) -> Receiver:
        """Put somebody behind the dead sink."""
        return self._stack.enter_context(Receiver(port=self.port))
