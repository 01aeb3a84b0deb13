"""SIGTERM and SIGINT always win, whatever goes on (issue 10, item 1)."""

import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from bridge.queue.sqlite.lockfile import locked_now
from tests.process.conftest import Starter, handles, log_of, until, write

STOPS = (signal.SIGTERM, signal.SIGINT)
SUITE, SOAK = 10, 50
"""Rounds of each of the four phases: 40 moments in the suite, 200 in the soak."""

ROUNDS = [
    pytest.param(SUITE, id="suite", marks=pytest.mark.timeout(240)),
    pytest.param(SOAK, id="soak", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
]


class Moments:
    """Starts bridges one by one, and waits for random moments."""

    def __init__(self, starter: Starter, folder: Path, seed: str) -> None:
        """Begin with a seed, so that a failure can be repeated."""
        self.random = random.Random(seed)
        self._starter = starter
        self._folder = folder
        self._numbers = count()

    def start(self, **changed: object) -> tuple[int, Path]:
        """Return a bridge that just began, and its configuration."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        config = write(folder, **changed)
        return self._starter.start(config), config

    def pause(self, seconds: float) -> None:
        """Wait for a random part of this time."""
        time.sleep(self.random.uniform(0, seconds))

    def send(self, pid: int) -> None:
        """Tell it to stop in one of the two ways."""
        os.kill(pid, self.random.choice(STOPS))

    def check_end(self, pid: int, config: Path) -> None:
        """It ends well, and says nothing that it should not."""
        assert self._starter.wait(pid) == "0", log_of(config)
        assert "Traceback" not in log_of(config)
        with locked_now(config.parent / "queue.db"):
            pass


@pytest.fixture
def moments(starter, tmp_path, request):
    """Return what starts bridges."""
    return Moments(starter, tmp_path, request.node.name)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_stop_wins_at_random_moments_of_the_start(moments, rounds):
    """From the first handler on, over the configuration and the queue's opening."""
    for _ in range(rounds):
        pid, config = moments.start()
        until(lambda pid=pid: handles(pid, signal.SIGHUP))
        moments.pause(0.3)
        moments.send(pid)
        moments.check_end(pid, config)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_stop_wins_at_random_moments_of_the_run(moments, rounds):
    """Waiting for an API server that is not there."""
    for _ in range(rounds):
        pid, config = moments.start()
        until(lambda config=config: "Started." in log_of(config))
        moments.pause(0.5)
        moments.send(pid)
        moments.check_end(pid, config)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_stop_wins_at_random_moments_of_a_reload(moments, rounds):
    """Of a good configuration, or of a bad one, asked for once or many times."""
    for number in range(rounds):
        pid, config = moments.start()
        until(lambda config=config: "Started." in log_of(config))
        if number % 3 == 0:
            config.write_text("sinks: [")
        for _ in range(1 + 4 * (number % 2)):
            os.kill(pid, signal.SIGHUP)
            moments.pause(0.05)
        moments.pause(0.3)
        moments.send(pid)
        moments.check_end(pid, config)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_stop_wins_at_random_moments_of_the_stop(moments, rounds):
    """However many more signals come; none of them changes the exit code."""
    for _ in range(rounds):
        pid, config = moments.start()
        until(lambda config=config: "Started." in log_of(config))
        moments.send(pid)
        for _ in range(3):
            moments.pause(0.05)
            os.kill(pid, moments.random.choice((*STOPS, signal.SIGHUP)))
        moments.check_end(pid, config)


def test_stop_wins_while_the_lock_is_waited_for(moments, tmp_path):
    """Another process owns the queue; it was 30 s, and exit code 3."""
    with locked_now(tmp_path / "queue.db"):
        shared = {"path": str(tmp_path / "queue.db")}
        pid, config = moments.start(queue=shared)
        until(lambda: "Waiting for the queue." in log_of(config))
        os.kill(pid, signal.SIGTERM)
        moments.check_end(pid, config)


def test_sixty_reloads_seven_milliseconds_apart_end_nothing(moments):
    """Nor between two lives: the process goes on, under the last configuration."""
    pid, config = moments.start()
    until(lambda: "Started." in log_of(config))
    for _ in range(60):
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.007)
    write(config.parent, cluster={"kubeconfig": "kubeconfig", "name": "last"})
    os.kill(pid, signal.SIGHUP)
    until(lambda: '"cluster": "last"' in log_of(config))
    os.kill(pid, signal.SIGTERM)
    moments.check_end(pid, config)
    assert '"level": "error"' not in log_of(config)


def test_a_reload_before_there_is_a_loop_ends_nothing(moments):
    """SIGHUP would, without a handler."""
    pid, config = moments.start()
    until(lambda: handles(pid, signal.SIGHUP))
    os.kill(pid, signal.SIGHUP)
    until(lambda: "Started." in log_of(config))
    os.kill(pid, signal.SIGTERM)
    moments.check_end(pid, config)


def run(config: Path, *before: str) -> subprocess.Popen[bytes]:
    """Start `kubebridge run` as a user does."""
    with Path(f"{config}.log").open("ab") as log:
        return subprocess.Popen(
            [*before, sys.executable, "-m", "bridge", "run", "-c", str(config)],
            stdout=log,
            stderr=log,
        )


@pytest.mark.timeout(180)
def test_stop_wins_while_python_still_imports(tmp_path):
    """At random moments from the first handler on, with a new interpreter each."""
    config, chance = write(tmp_path), random.Random(10)
    for _ in range(8):
        with run(config) as process:
            until(lambda pid=process.pid: handles(pid, signal.SIGHUP))
            time.sleep(chance.uniform(0, 1.0))
            process.send_signal(chance.choice(STOPS))
            assert process.wait(30) == 0, log_of(config)
    assert "Traceback" not in log_of(config)


NAMESPACES = ("unshare", "-Urpf", "--mount-proc", "--kill-child")


def can_be_process_1() -> bool:
    """Return whether this machine lets us make a namespace of processes."""
    try:
        return not subprocess.run([*NAMESPACES, "true"], check=False).returncode
    except FileNotFoundError:
        return False


@pytest.mark.timeout(120)
@pytest.mark.skipif(not can_be_process_1(), reason="needs unshare(1)")
@pytest.mark.parametrize("moment", ["imports", "runs"])
def test_stop_wins_as_process_1(tmp_path, moment):
    """The kernel drops signals to it for which it has no handler (signal(7))."""
    config = write(tmp_path)
    with run(config, *NAMESPACES) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        until(lambda: children.read_text().strip())
        pid = int(children.read_text().split()[0])
        until(lambda: handles(pid, signal.SIGHUP))
        if moment == "runs":
            until(lambda: "Started." in log_of(config))
        os.kill(pid, signal.SIGTERM)
        assert outer.wait(30) == 0, log_of(config)


@pytest.mark.skipif(not can_be_process_1(), reason="needs unshare(1)")
def test_any_verb_can_be_stopped_as_process_1(tmp_path):
    """A container that asks something ends at `docker stop`, not after 10 s."""
    script = "import sys; sys.argv = ['kubebridge', 'doctor']; import bridge.signals"
    script += "; bridge.signals.stand_by(); print('stands', flush=True); input()"
    command = [*NAMESPACES, sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as outer:
        assert outer.stdout.readline() == "stands\n"
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGTERM)
        assert outer.wait(30) == 128 + signal.SIGTERM


MAIN = """
import signal, sys, types
import bridge.__main__, bridge.signals
def shows():
    handler = signal.getsignal(signal.SIGTERM)
    return handler == bridge.signals.SIGNALS._note, handler == signal.SIG_IGN
def main():
    print(*shows(), *{"typer", "pydantic", "asyncio"} & set(sys.modules))
cli = sys.modules["bridge.cli"] = types.ModuleType("bridge.cli")
cli.main = main
bridge.__main__.main()
print(*shows())
"""


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("run", "True False\nFalse True\n"), ("doctor", "False False\n" * 2)],
)
def test_a_handler_stands_before_the_heavy_imports_and_after_the_end(verb, expected):
    """They take a second, in which a signal would be lost to process 1."""
    result = subprocess.run(
        [sys.executable, "-c", MAIN, verb], capture_output=True, text=True, check=True
    )

    assert result.stdout == expected
