"""`kubebridge run` as a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.ports import free_port

TOKEN = "test-token"


def wait_until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for a condition; fail the test when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.05)


class Bridge:
    """One configuration and the process that runs it; `with` stops it."""

    def __init__(
        self,
        *,
        folder: Path,
        kubeconfig: Path,
        module: str = "bridge",
        environment: dict[str, str] | None = None,
        **document: Any,
    ) -> None:
        """Write the configuration; nothing runs yet.

        Args:
            folder: For the configuration, the queue and the log.
            kubeconfig: How to reach the API server.
            module: What `python -m` runs; mutants are modules too.
            environment: Set for the process beside our own.
            document: The rest of the configuration.
        """
        self.port = free_port()
        self.config = folder / "bridge.yaml"
        self.log = folder / "bridge.log"
        self.queue = folder / "queue.db"
        self.process: subprocess.Popen[bytes] | None = None
        self._module = module
        token = folder / "api-token"
        token.write_text(TOKEN)
        self._environment = os.environ | (environment or {})
        self._environment.pop("PYTHONASYNCIODEBUG", None)
        self.write(
            {
                "cluster": {"kubeconfig": str(kubeconfig)},
                "queue": {"path": str(self.queue)},
                "server": {"port": self.port, "token": {"file": str(token)}},
                "grace": "5s",
                **document,
            }
        )

    def write(self, document: dict[str, Any]) -> None:
        """Write the configuration anew."""
        self.document = document
        self.config.write_text(json.dumps(document))

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        command = [sys.executable, "-m", self._module, "run", "-c", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, env=self._environment
            )

    def start_and_wait(self) -> None:
        """Start it and wait until it watches."""
        self.start()
        self.wait_ready()

    def wait_ready(self, *, seconds: float = 60.0) -> None:
        """Wait until the readiness probe passes."""
        wait_until(self.is_ready, seconds=seconds)

    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200; fail if the process has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return self.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def source(self, name: str) -> dict[str, Any]:
        """Return what the API says of the reader of a source."""
        readers = self.get("/api/v1/sources").json()["items"]
        return next(one for one in readers if name in one["sources"])

    def is_watching(self, name: str) -> bool:
        """Return whether a source is watched; False as long as nobody answers."""
        try:
            return bool(self.source(name)["state"] == "watching")
        except httpx.TransportError:
            return False

    def metrics(self) -> str:
        """Return the metrics as text."""
        return self.get("/metrics").text

    def settle(self) -> None:
        """Wait until every sink has what was read so far."""
        time.sleep(0.5)
        sinks = [sink["name"] for sink in self.document["sinks"]]
        wait_until(lambda: not any(map(self.backlog, sinks)))

    def backlog(self, sink: str) -> int:
        """Return how many deliveries wait for a sink."""
        items = self.get("/api/v1/sinks").json()["items"]
        return int(next(one["backlog"] for one in items if one["name"] == sink))

    def get(self, path: str) -> httpx.Response:
        """Ask the API."""
        return self.call("GET", path)

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Call the API with the token."""
        return httpx.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=10,
            **arguments,
        )

    def kill(self) -> None:
        """End it as the kernel would: at once, nothing is cleaned up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as Kubernetes would; return the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
