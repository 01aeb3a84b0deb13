"""A bridge in this process, from its configuration file to its sinks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml
from structlog.testing import capture_logs

import bridge.app.lives
from bridge.app.lives import Lives
from bridge.config import load_config
from bridge.config.parts import find_unusable
from bridge.demo.apiserver import ApiServer


class Running:
    """Reads a cluster in this process, under the configuration that `write` wrote."""

    def __init__(self, folder: Path, cluster: ApiServer) -> None:
        """Write a configuration that can be used."""
        self.folder = folder
        self.cluster = cluster
        self.file = folder / "bridge.yaml"
        self.logs: list[Any] = []
        self._numbers = count()
        cluster.kubeconfig(folder / "kubeconfig")
        self.document: dict[str, Any] = {
            "cluster": {"kubeconfig": str(folder / "kubeconfig")},
            "queue": {"path": str(folder / "queue.db"), "reserve": "0B"},
            "server": {"port": 0},
            "sinks": [{"name": "out", "type": "stdout"}],
            "grace": "1h",
        }
        self.write()
        self.read = partial(load_config, self.file, {}, check=find_unusable)
        self.lives = Lives(read=self.read, path=self.file)

    def write(self, **changed: Any) -> None:
        """Write the configuration with these sections instead of its own."""
        self.document = {**self.document, **changed}
        self.file.write_text(yaml.safe_dump(self.document))

    def write_text(self, text: str) -> None:
        """Write something else."""
        self.file.write_text(text)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Run until the block is left, which is told to stop then."""
        with capture_logs() as self.logs:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.lives.run(self.read()))
                await self.said("Started.")
                yield
                self.lives.stop.set()

    async def reload(self, *, refused: bool = False) -> dict[str, Any]:
        """Reload; return the log line that says what came of it."""
        known = len(self.logs)
        self.lives.reload.set()
        message = "New configuration refused." if refused else "Configuration reloaded."
        return await self.said(message, since=known)

    async def said(self, message: str, *, since: int = 0) -> dict[str, Any]:
        """Return a log line once it was written."""
        await self.until(lambda: self._said(message, since))
        return self._said(message, since)[0]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition comes true."""
        while not condition():  # noqa: ASYNC110  # of whatever kind
            await asyncio.sleep(0.01)

    def emit(self) -> str:
        """Make an Event; return its name."""
        name = f"e{next(self._numbers)}"
        self.cluster.create(
            "events",
            "default",
            {
                "metadata": {"name": name, "uid": str(uuid4())},
                "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
                "reason": "Tested",
                "type": "Normal",
            },
        )
        return name

    async def watches(self) -> None:
        """Wait until the cluster is watched."""
        while (await self.ask("/readyz")).status_code != httpx.codes.OK:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def ask(self, path: str) -> httpx.Response:
        """Ask the API of the life that works now."""
        working = ("Started.", "Configuration reloaded.", "Old configuration goes on.")
        urls = [line["api"] for line in self.logs if line["event"] in working]
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(urls[-1] + path)

    async def metric(self, name: str) -> float:
        """Return a metric without labels."""
        lines = (await self.ask("/metrics")).text.splitlines()
        return next(
            float(one.split()[1]) for one in lines if one.startswith(f"{name} ")
        )

    def _said(self, message: str, since: int) -> list[dict[str, Any]]:
        return [one for one in self.logs[since:] if one["event"] == message]


def keep_logs(monkeypatch: Any) -> None:
    """Let nobody take the log lines away from a test."""
    monkeypatch.setattr(bridge.app.lives, "configure_logs", lambda **_: None)
