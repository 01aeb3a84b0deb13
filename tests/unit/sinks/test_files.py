"""Values that come from files."""

import os

import pytest

from bridge.sinks.files import Reloaded


def reloaded(path, clock):
    """Build a value that is the text of a file."""
    return Reloaded([path], path.read_text, now=clock)


def every_minute():
    """Return a clock that is a minute later at each look."""
    return iter(range(0, 6000, 60)).__next__


def test_value_is_loaded_once_while_the_file_stays(tmp_path):
    """What did not change is not read again."""
    loads = []
    value = Reloaded([tmp_path], lambda: loads.append(1), now=every_minute())

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


def test_signature_is_that_of_now(tmp_path):
    """It is looked at, however short ago the last look was."""
    path = tmp_path / "file"
    value = reloaded(path, lambda: 0.0)
    absent = value.signature()

    path.write_text("here")

    assert value.signature() != absent
