"""The bridge as a process, started as a user would start it, and killed as well."""

import asyncio
import os
import secrets
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bridge.demo.display import Backlog
from bridge.demo.ledger import HeldDeliveries
from bridge.demo.receivers import Receiver
from bridge.errors import KubebridgeError

READY_SECONDS = 60.0
GRACE_SECONDS = 10.0
LAST_LINES = 12
PAGE_ITEMS = 500

_NOT_OURS = ("PYTHONASYNCIODEBUG", "K_SINK", "K_CE_OVERRIDES")
_FAST = {"min": "200ms", "max": "1s"}
_HOPELESS = {**_FAST, "age": "2s", "attempts": 4}


class BridgeProcessError(KubebridgeError):
    """The bridge ended by itself, or does not become ready."""


@contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port of loopback for the bridge, also while it is down.

    The kernel gives a port that somebody is bound to, but does not listen on, to nobody
    who asks for any port. The bridge can listen on it, for both set SO_REUSEADDR.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port = int(keeper.getsockname()[1])
        if sys.platform != "linux":  # there the bridge could not listen on it either
            keeper.close()
        yield port


def configure(
    *,
    folder: Path,
    port: int,
    kubeconfig: Path,
    context: str | None,
    namespaces: Sequence[str],
    receivers: Iterable[Receiver],
) -> dict[str, Any]:
    """Return the configuration of the demo's bridge.

    Args:
        folder: Where queue and token lie.
        port: Of probes and API.
        kubeconfig: The way to the API server.
        context: Context in it; None: its current one.
        namespaces: What is watched; none: all.
        receivers: The sinks. What a receiver that never answers is sent becomes a
            dead letter after a few tries, not after days, so that there is one to
            look at.
    """
    sinks = [
        {
            "name": one.name,
            "url": one.url,
            "mode": one.mode,
            "timeout": "2s",
            "retry": {**(_HOPELESS if one.hopeless else _FAST)},
            # Or the sink would rest, and nothing would be given up meanwhile.
            **({"breaker": "off"} if one.hopeless else {}),
        }
        for one in receivers
    ]
    return {
        "cluster": {"name": "demo", "kubeconfig": str(kubeconfig)}
        | ({"context": context} if context else {}),
        "sources": [{"kind": "Event", "namespaces": [*namespaces], "initial": "emit"}],
        "sinks": sinks,
        "routes": [{"name": "everything", "sinks": [sink["name"] for sink in sinks]}],
        "queue": {"path": str(folder / "queue.db")},
        "server": {"port": port, "token": {"file": str(folder / "token")}},
    }


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without what would change the bridge of the demo."""
    # In debug mode asyncio is 4 to 6 times slower; K_... are settings of the bridge.
    theirs = {name: value for name, value in ours.items() if name not in _NOT_OURS}
    for name in ("NO_PROXY", "no_proxy"):
        theirs[name] = ",".join(filter(None, (theirs.get(name), "127.0.0.1")))
    return theirs


class BridgeProcess:
    """A bridge on one configuration, however often it is started."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        folder: Path,
        url: str,
        session: aiohttp.ClientSession,
    ) -> None:
        """Start nothing yet.

        Args:
            command: How a user would start it.
            folder: Where its output goes, beside its configuration and queue.
            url: Where it will serve probes and API.
            session: Asks them.
        """
        self.url = url
        self._command = command
        self.folder = folder
        self._log = folder / "bridge.log"
        self._session = session
        self._process: Process | None = None

    @classmethod
    def prepare(
        cls, *, folder: Path, port: int, session: aiohttp.ClientSession, **settings: Any
    ) -> "BridgeProcess":
        """Write a configuration into `folder`; `settings` are those of `configure`."""
        config = configure(folder=folder, port=port, **settings)
        path = folder / "demo.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        (folder / "token").write_text(secrets.token_urlsafe())
        return cls(
            command=(sys.executable, "-m", "bridge", "run", "-c", str(path)),
            folder=folder,
            url=f"http://127.0.0.1:{port}",
            session=session,
        )

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither killed nor stopped."""
        return self._process is not None

    def check(self) -> None:
        """Raise if the process ended by itself.

        Raises:
            BridgeProcessError: It ended by itself.
        """
        if self._process is not None and self._process.returncode is not None:
            raise BridgeProcessError(
                f"the bridge: expected it to run, it ended with code "
                f"{self._process.returncode}; it said:\n{self._last_words()}"
            )

    async def start(self) -> None:
        """Start it; it is not ready yet."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(os.environ),
                # A Ctrl-C at the terminal is for the demo, which then asks the bridge.
                start_new_session=True,
            )

    async def kill(self) -> None:
        """End it by SIGKILL at once."""
        self.check()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    async def stop(self) -> None:
        """End it as an operator would; by force when that takes too long."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def wait_ready(self) -> None:
        """Wait until it watches and accepts.

        Raises:
            BridgeProcessError: It ended, or took too long.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self._is_ready():
                    self.check()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise BridgeProcessError(
                f"the bridge: expected it to be ready within {READY_SECONDS:.0f} s; "
                f"it said:\n{self._last_words()}"
            ) from error

    async def backlogs(self) -> Mapping[str, Backlog]:
        """Return in numbers what the bridge holds, by sink.

        Raises:
            BridgeProcessError: It does not answer.
        """
        answer = await self._get("/api/v1/sinks")
        return {
            one["name"]: Backlog(waiting=one["backlog"], dead=one["deadLetters"])
            for one in answer["items"]
        }

    async def held(self, sink: str) -> HeldDeliveries:
        """Return the ids of the events that the bridge holds for one sink.

        Raises:
            BridgeProcessError: It does not answer.
        """
        # In this order: a delivery goes from waiting to dead, not back by itself.
        waiting = [
            one["attributes"]["id"]
            async for one in self._items("/api/v1/events", waiting=sink)
        ]
        dead = [
            one["id"] async for one in self._items("/api/v1/dead-letters", sink=sink)
        ]
        return HeldDeliveries(waiting=frozenset(waiting), dead=frozenset(dead))

    async def _items(self, path: str, **query: str) -> AsyncIterator[dict[str, Any]]:
        page: dict[str, Any] = {"next": ""}
        while (after := page["next"]) is not None:
            more = {"after": after} if after else {}
            asked = {"limit": str(PAGE_ITEMS), "order": "oldest"}
            page = await self._get(path, **asked, **query, **more)
            for item in page["items"]:
                yield item

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        url = f"{self.url}{path}"
        try:
            async with self._session.get(url, params=query) as response:
                if response.status == 200:
                    answer: dict[str, Any] = await response.json()
                    return answer
                text = f"{response.status} {(await response.text())[:256]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            text = str(error) or "no answer in time"
        raise BridgeProcessError(f"{path} of the bridge: expected 200, got {text}")

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])
