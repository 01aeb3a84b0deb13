"""Whole processes, and the signals that they get."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = "http://127.0.0.1:1"
"""An API server that is not there: the bridge waits for it."""


def write(folder: Path, **changed: object) -> Path:
    """Write a configuration that can be used; return its path."""
    login = {"apiVersion": "v1", "kind": "Config", "current-context": "a"}
    login["contexts"] = [{"name": "a", "context": {"cluster": "a", "user": "a"}}]
    login["clusters"] = [{"name": "a", "cluster": {"server": NOBODY}}]
    login["users"] = [{"name": "a", "user": {}}]
    (folder / "kubeconfig").write_text(json.dumps(login))
    path = folder / "bridge.yaml"
    document = {
        "cluster": {"kubeconfig": "kubeconfig"},
        "queue": {"path": "queue.db", "reserve": "0B"},
        "server": {"port": 0},
        "sinks": [{"name": "out", "type": "stdout"}],
        **changed,
    }
    path.write_text(json.dumps(document))
    return path


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until a condition comes true; fail when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.002)


def log_of(config: Path) -> str:
    """Return what a bridge has said so far."""
    log = Path(f"{config}.log")
    return log.read_text() if log.exists() else ""


def handles(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(one for one in status.splitlines() if one.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & 1 << (number - 1))


class Starter:
    """Forks bridges."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Take what `starter` runs as."""
        self._process = process

    def start(self, config: Path) -> int:
        """Return the process id of a bridge that just began."""
        return int(self._ask(f"start {config}"))

    def wait(self, pid: int) -> str:
        """Return its exit code once it has ended."""
        return self._ask(f"wait {pid}")

    def _ask(self, line: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    """Run the starter."""
    command = [sys.executable, "-m", "tests.process.starter"]
    environment = {**os.environ, "PYTHONASYNCIODEBUG": ""}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        yield Starter(process)
        assert process.stdin
        process.stdin.close()
