"""The bridge as a process under measurement, and the receiver beside it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.candidates import ROOT, Candidate, here

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
DEADLINE_SECONDS = 120.0
HERE = here()
"""The build of this checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process and the port it answers on."""

    process: subprocess.Popen[str]
    port: int
    started: float

    def cpu_seconds(self) -> float:
        """User and system time so far, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / TICKS

    def wakeups(self) -> int:
        """Return how often any of its threads waited and was woken so far."""
        total = 0
        for status in Path(f"/proc/{self.process.pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
        return total

    def resident_mb(self) -> float:
        """Resident memory now, in MB of 10^6 bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * PAGE_BYTES / 1e6

    def peak_mb(self) -> float:
        """The most memory that was ever resident, in MB of 10^6 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6

    def get(self, path: str) -> bytes:
        """Return the answer to a GET on loopback."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())


def wait_until(condition: Any, *, what: str, step: float = 0.05) -> float:
    """Wait for a condition and return when it held, Unix seconds."""
    end = time.time() + DEADLINE_SECONDS
    while time.time() < end:
        if condition():
            return time.time()
        time.sleep(step)
    message = f"gave up waiting for {what}"
    raise TimeoutError(message)


@contextmanager
def receiver(
    *, delay_ms: float = 0.0, options: Sequence[str] = ()
) -> Iterator[Running]:
    """Run a receiver of its own process; see `bench.receiver` for its options."""
    command = [sys.executable, "-m", "bench.receiver", "--delay-ms", str(delay_ms)]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Running(process=process, port=port, started=time.time())
        finally:
            process.kill()


def counts(running: Running) -> dict[str, Any]:
    """What the receiver has counted."""
    return dict(json.loads(running.get("/")))


def latencies(running: Running) -> list[float]:
    """Seconds from the write of each event to the receiver."""
    return list(json.loads(running.get("/latencies")))


@contextmanager
def bridge(
    config: dict[str, Any],
    folder: Path,
    *,
    port: int,
    candidate: Candidate | None = None,
) -> Iterator[Running]:
    """Run a build as a user would; it is stopped by SIGTERM.

    Args:
        config: The configuration, in camelCase.
        folder: Where the configuration and the log are written.
        port: Where the API listens.
        candidate: Which build; None: this checkout.
    """
    candidate = candidate or HERE
    path = folder / "bridge.yaml"
    config = candidate.spelled({**config, "server": {"port": port}})
    path.write_text(json.dumps(config))
    log = (folder / "bridge.log").open("a")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONASYNCIODEBUG"}
    started = time.time()
    with subprocess.Popen(
        candidate.command("run", "-c", str(path)),
        stderr=log,
        text=True,
        env=environment,
        cwd=candidate.root,
    ) as process:
        try:
            yield Running(process=process, port=port, started=started)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            log.close()


def is_up(running: Running, path: str = "/livez") -> bool:
    """Whether the bridge answers a probe with 200."""
    if running.process.poll() is not None:
        message = f"the bridge ended with {running.process.returncode}"
        raise RuntimeError(message)
    try:
        running.get(path)
    except (urllib.error.URLError, ConnectionError):
        return False
    return True
