"""Values that come from files."""

import asyncio
import os
import threading

import pytest

from bridge.sinks import reloaded as files
from bridge.sinks.reloaded import ReloadedFile, SecretError, refresh
from bridge.sinks.settings import TlsConfig
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.samples import event


def reloaded(path, clock):
    """Build a value that is the text of a file."""
    return ReloadedFile([path], path.read_text, now=clock)


def every_minute():
    """Return a clock that is a minute later at each look."""
    return iter(range(0, 6000, 60)).__next__


def test_value_is_loaded_once_while_the_file_stays(tmp_path):
    """What did not change is not read again."""
    loads = []
    value = ReloadedFile([tmp_path], lambda: loads.append(1), now=every_minute())

    for _ in range(3):
        value.get()

    assert loads == [1]


def test_value_changes_when_a_link_leads_elsewhere(tmp_path):
    """A Kubernetes volume swaps a link: same size, same age, another inode."""
    link = tmp_path / "link"
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1, 1))
    link.symlink_to(tmp_path / "old")
    value = reloaded(link, every_minute())
    before = value.get()

    link.unlink()
    link.symlink_to(tmp_path / "new")

    assert (before, value.get()) == ("old", "new")


def test_failed_load_is_tried_again_at_once(tmp_path):
    """A file that appears is used at the next attempt, however soon."""
    path = tmp_path / "late"
    value = reloaded(path, lambda: 0.0)
    with pytest.raises(FileNotFoundError):
        value.get()

    path.write_text("here")

    assert value.get() == "here"


def test_failed_reload_does_not_bring_the_old_value_back(tmp_path):
    """A secret that was withdrawn is not used any longer."""
    path = tmp_path / "gone"
    path.write_text("old")
    value = reloaded(path, every_minute())
    value.get()

    path.unlink()

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            value.get()


def test_signature_changes_with_the_file(tmp_path):
    """It is that of the last look."""
    path = tmp_path / "file"
    path.write_text("here")
    value = reloaded(path, every_minute())
    before = value.signature()

    path.write_text("elsewhere")

    assert value.signature() != before


def test_failure_is_kept_until_the_next_look(tmp_path):
    """So that many attempts do not all look at a file that is gone."""
    looks = []

    def fail():
        looks.append(1)
        raise SecretError("no", reason="secret")

    value = ReloadedFile([tmp_path], fail, now=iter([0.0, 0.5, 1.0]).__next__)
    for _ in range(3):
        with pytest.raises(SecretError, match="no"):
            value.get()

    assert len(looks) == 2


async def test_files_are_looked_at_in_a_thread(tmp_path):
    """The loop goes on meanwhile (issue 10, item 45)."""
    threads = []
    value = ReloadedFile([tmp_path], lambda: threads.append(threading.get_ident()))

    await refresh([value])
    value.get()

    assert len(threads) == 1
    assert threads != [threading.get_ident()]


async def test_look_that_takes_too_long_is_not_waited_for(tmp_path, monkeypatch):
    """Nor begun again; the value before goes on (issue 10, item 45)."""
    monkeypatch.setattr(files, "_MOST_SECONDS", 0.01)
    goes_on, loads = threading.Event(), iter(["old", "new"])

    def load():
        value = next(loads)
        if value == "new":
            goes_on.wait(10)
        return value

    path = tmp_path / "file"
    value = ReloadedFile([path], load, now=every_minute())
    await refresh([value])
    path.write_text("x")
    await refresh([value])
    await refresh([value])

    assert value.get() == "old"
    goes_on.set()


async def test_first_look_that_takes_too_long_is_said(tmp_path, monkeypatch):
    """There is no value yet, so it cannot be used (issue 10, item 45)."""
    monkeypatch.setattr(files, "_MOST_SECONDS", 0.01)
    goes_on = threading.Event()
    value = ReloadedFile([tmp_path], lambda: goes_on.wait(10))

    await refresh([value])

    with pytest.raises(SecretError, match="not read in time"):
        value.get()
    goes_on.set()


async def test_first_look_of_one_is_waited_for_by_all(tmp_path):
    """Many senders begin at once; none of them is told that nothing was read."""
    goes_on, looks = threading.Event(), []

    def load():
        looks.append(goes_on.wait(10))
        return "new"

    value = ReloadedFile([tmp_path], load)
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(refresh([value]), name=f"send {number}")
        await asyncio.sleep(0.01)
        goes_on.set()

    assert (value.get(), looks) == ("new", [True])


async def test_many_first_requests_over_tls_are_all_sent(make_sink, server_tls):
    """A sink with files of its own does not pause for its own start."""
    tls = TlsConfig(ca=CERTIFICATES / "ca.pem")
    async with Receiver(tls=server_tls()) as receiver:
        sink = make_sink(receiver.url, tls=tls)
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(sink.send([event(number)]), name=f"{number}")

    assert len(receiver.requests) == 8
