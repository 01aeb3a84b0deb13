"""Files and folders that only their owner may read (issue 10, item 23)."""

import os
import stat

import pytest

from bridge.files.private import make_database, make_file, make_folder, restrict


def mode(path):
    """Return the rights to a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def careless():
    """Let the process give everybody everything."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_every_folder_that_is_made_is_private(tmp_path):
    """Also those above; one that was there stays as it is."""
    (tmp_path / "volume").mkdir()
    make_folder(tmp_path / "volume" / "a" / "b")
    make_folder(tmp_path / "volume")

    assert mode(tmp_path / "volume") == 0o777
    assert mode(tmp_path / "volume" / "a") == 0o700
    assert mode(tmp_path / "volume" / "a" / "b") == 0o700


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    """As `mkdir` has it."""
    (tmp_path / "a").write_text("")

    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "a")


def test_a_file_is_made_private_and_one_from_before_becomes_so(tmp_path):
    """What is in it stays."""
    (tmp_path / "old").write_text("kept")
    make_file(tmp_path / "old")
    make_file(tmp_path / "new")

    assert (mode(tmp_path / "old"), mode(tmp_path / "new")) == (0o600, 0o600)
    assert (tmp_path / "old").read_text() == "kept"


def test_the_log_and_the_index_of_a_database_are_private_too(tmp_path):
    """They may be from a process that ended without closing them."""
    for name in ("a.db", "a.db-wal", "a.db-shm"):
        (tmp_path / name).write_text("")

    make_database(tmp_path / "a.db")

    assert {mode(one) for one in tmp_path.iterdir()} == {0o600}


def test_what_is_not_ours_stays_as_it_is(tmp_path, monkeypatch):
    """A volume may belong to another user who shares it with us."""
    (tmp_path / "a").write_text("")
    before = mode(tmp_path / "a")

    def refuse(*_):
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(type(tmp_path), "chmod", refuse)
    restrict(tmp_path / "a")

    assert mode(tmp_path / "a") == before
