"""One server process: its log, how long it may take, and its end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class ControlPlaneError(RuntimeError):
    """A part of the control plane did not do what it was asked to."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A server process that logs to a file and is ended by its own id.

    Attributes:
        log: the file that takes what it writes; a restart appends.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and lives."""
        return self.process is not None and self.process.poll() is None

    def start(self, is_ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Start the process and return when it is ready.

        Args:
            is_ready: asked every 0.1 s.
            seconds: how long readiness may take.

        Raises:
            ControlPlaneError: it ended or was not ready in time; has the log's end.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self.environment,
            )
        try:
            wait_until(lambda: self.must_run() and is_ready(), seconds=seconds)
        except TimeoutError:
            error = f"{self.name}: not ready after {seconds:g} s\n{self.log_tail()}"
            self.stop(kill=True)
            raise ControlPlaneError(error) from None

    def stop(self, *, kill: bool = False, seconds: float = 20) -> None:
        """End the process; safe to repeat.

        Args:
            kill: SIGKILL at once instead of SIGTERM.
            seconds: how long it may take after SIGTERM before SIGKILL follows.
        """
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log, each cut at 500 characters."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(line[:500] for line in text.splitlines()[-lines:])

    def must_run(self) -> bool:
        """Return True while the process lives.

        Raises:
            ControlPlaneError: it ended; has the log's end.
        """
        if self.is_running:
            return True
        code = self.process.returncode if self.process else None
        tail = self.log_tail()
        raise ControlPlaneError(f"{self.name}: ended with {code}\n{tail}")


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Return when the condition holds; ask every 0.1 s.

    Raises:
        TimeoutError: it did not hold for that many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds:g} s")
        time.sleep(0.1)
