"""Programs of others: their groups, their output, their end (issue 10, item 34)."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bridge.cluster.session import exec_plugin
from bridge.cluster.session.exec_plugin import run_program

LEAVES_A_CHILD = "sleep 60 & echo $! > {pid}; echo said"
SHOUTS = "import sys; sys.{stream}.write('x' * 3_000_000 + 'y')"


async def shell(script, **environ):
    """Run a script."""
    return await run_program("sh", ["-c", script], environ=dict(os.environ) | environ)


def pid_in(path):
    """The number that a script wrote down."""
    return int(path.read_text())


async def until(condition):
    """Wait until something is so that this process is not told of."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # another process makes it so
            await asyncio.sleep(0.01)


def is_over(pid):
    """Whether a process is no more than a zombie; its parent is not this one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


async def test_what_it_says_and_how_it_ends_is_returned():
    """Standard output and standard error apart."""
    ended = await shell("echo out; echo $WORD >&2; exit 3", WORD="err")

    assert (ended.code, ended.output, ended.trouble) == (3, b"out\n", b"err\n")
    assert not ended.is_output_cut
    assert not ended.is_trouble_cut


async def test_a_child_that_is_left_behind_holds_nothing_up(tmp_path):
    """It keeps the output open, and is ended with the group (issue 10, item 34)."""
    pid = tmp_path / "pid"

    ended = await shell(LEAVES_A_CHILD.format(pid=pid))
    await until(lambda: is_over(pid_in(pid)))

    assert (ended.code, ended.output) == (0, b"said\n")


async def test_a_child_in_a_session_of_its_own_holds_nothing_up(tmp_path):
    """It is out of reach, but nobody waits for it."""
    child = (
        "os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    )
    code = (
        "import os, sys, time\n"
        f"if os.fork() == 0:\n    {child}\n"
        "while not os.path.exists(sys.argv[1]): time.sleep(.01)\nprint('said')"
    )
    arguments = ["-c", code, str(tmp_path / "pid")]

    ended = await run_program(sys.executable, arguments, environ=os.environ)
    os.kill(pid_in(tmp_path / "pid"), signal.SIGKILL)

    assert ended.output == b"said\n"


async def test_cancelling_ends_the_whole_group(tmp_path):
    """As SIGTERM does, though the program ignores SIGTERM itself."""
    pid = tmp_path / "pid"
    script = f"trap '' TERM; sleep 60 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(shell(script), name="plugin")
        await until(pid.exists)
        task.cancel()
    await until(lambda: is_over(pid_in(pid)))

    assert task.cancelled()


@pytest.mark.parametrize(("stream", "kept"), [("stdout", 2**20), ("stderr", 2**14)])
async def test_a_lot_of_output_is_read_but_not_kept(stream, kept):
    """The writer never waits, and memory stays bounded (issue 10, item 34)."""
    arguments = ["-c", SHOUTS.format(stream=stream)]

    ended = await run_program(sys.executable, arguments, environ=os.environ)

    assert ended.code == 0
    assert (len(ended.output), len(ended.trouble)) in {(kept, 0), (0, kept)}
    assert (ended.is_output_cut, ended.is_trouble_cut).count(True) == 1


async def test_a_child_that_writes_on_is_not_read_for_ever(monkeypatch):
    """What a pipe can hold is read, not what comes after it."""
    with exec_plugin._Pipe(limit=5) as pipe:
        monkeypatch.setattr(exec_plugin.os, "read", lambda *_: b"xx")
        pipe.drain()
        monkeypatch.undo()

    assert (pipe.kept, pipe.is_cut) == (b"xxxxx", True)


async def test_what_was_written_before_the_end_is_read():
    """It waits in the pipe when the process is gone."""
    with exec_plugin._Pipe(limit=5) as pipe:
        os.write(pipe.write_end, b"said")
        pipe.drain()

    assert (pipe.kept, pipe.is_cut) == (b"said", False)


class _Stuck:
    """A process in the hands of a kernel that hangs."""

    pid = 2**22

    async def wait(self):
        """Never return."""
        await asyncio.Event().wait()


@pytest.mark.looptime
async def test_a_process_that_cannot_be_ended_is_not_waited_for(monkeypatch):
    """The kernel itself may hang; a second is enough."""
    monkeypatch.setattr(exec_plugin.os, "killpg", lambda *_: None)

    await exec_plugin._end(_Stuck())

    assert asyncio.get_running_loop().time() == 1
