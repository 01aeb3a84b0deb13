"""Starts bridges by fork: everything is imported once, not for each of 200 starts.

Reads lines: `start CONFIGURATION` answers the process id, `wait PID` its exit code.
"""

import os
import signal
import sys
import time
from pathlib import Path

import bridge.app
from bridge.signals import SIGNALS

MOST_SECONDS = 60.0


def start(config: Path) -> int:
    """Run a bridge as `kubebridge run` does; its output goes to CONFIGURATION.log."""
    child = os.fork()
    if child:
        return child
    SIGNALS.stand_by()
    log = os.open(f"{config}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = bridge.app.main(config_path=config)
    SIGNALS.ignore()
    os._exit(code)


def wait(child: int) -> int | str:
    """Return the exit code, as `subprocess` has it, or `hangs`."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return "hangs"


def main() -> None:
    """Serve whoever writes to standard input."""
    for line in sys.stdin:
        verb, _, what = line.strip().partition(" ")
        answer = start(Path(what)) if verb == "start" else wait(int(what))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
