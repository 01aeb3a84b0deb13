"""Two configurations never share the default queue file by accident (item 23)."""

import asyncio
import os
import stat
from functools import partial

import pytest

from bridge.app.stores import OpenStores
from bridge.config import parse_config
from bridge.errors import ConfigError, QueueError, QueueLockedError
from bridge.metrics import Metrics
from bridge.queue.sqlite.lockfile import check_owner, claim, locked_now
from bridge.queue.sqlite.queue import SqliteQueue


def config_of(folder, queue="{}"):
    """Return the queue's configuration with this state folder."""
    text = f"sinks: [{{type: stdout, name: o}}]\nqueue: {queue}\n"
    return parse_config(text, name="b.yaml", env={"XDG_STATE_HOME": str(folder)}).queue


async def open_for(owner, config):
    """Open the queue and close it again."""
    async with SqliteQueue.open_owned(config, owner=owner):
        pass


async def test_the_default_file_is_for_the_first_configuration(tmp_path):
    """Another one is told what to do; the first can go on (issue 10, item 23)."""
    config = config_of(tmp_path)
    await open_for("/a.yaml", config)
    await open_for("/a.yaml", config)

    with pytest.raises(ConfigError) as caught:
        await open_for("/b.yaml", config)

    assert str(caught.value) == (
        f"queue.path: expected one for /b.yaml, for the default file {config.path} "
        "belongs to /a.yaml; name another file, or this one to share it"
    )


async def test_a_file_from_before_there_were_owners_is_found(tmp_path):
    """What waits in it is not abandoned (issue 10, item 23)."""
    config = config_of(tmp_path)
    named = config_of(tmp_path, f"{{path: {config.path}}}")
    async with SqliteQueue.open_owned(named, owner="/old.yaml") as queue:
        await queue.open_sink("o")

    async with SqliteQueue.open_owned(config, owner="/a.yaml") as queue:
        assert "o" in queue._store.backlogs


async def test_a_file_that_is_named_can_be_shared(tmp_path):
    """Also the default one: that is no accident (issue 10, item 23)."""
    config = config_of(tmp_path)
    await open_for("/a.yaml", config)

    await open_for("/b.yaml", config_of(tmp_path, f"{{path: {config.path}}}"))


async def test_the_refusal_does_not_wait_for_the_lock(tmp_path):
    """Another configuration may be running on it for ever."""
    config = config_of(tmp_path)
    await open_for("/a.yaml", config)

    with locked_now(config.path), pytest.raises(ConfigError):
        await open_for("/b.yaml", config)


async def test_all_files_of_the_queue_are_private(tmp_path):
    """Whatever the umask says, and the folder from before (issue 10, item 23)."""
    before = os.umask(0)
    (tmp_path / "kubebridge").mkdir()
    try:
        async with SqliteQueue.open_owned(
            config_of(tmp_path), owner="/a.yaml"
        ) as queue:
            await queue.open_sink("o")
            files = list((tmp_path / "kubebridge").iterdir())
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in files}
    finally:
        os.umask(before)

    assert set(modes.values()) == {0o600}
    assert {f"queue.db{end}" for end in ("", "-wal", "-shm", ".lock", ".owner")} <= set(
        modes
    )
    assert stat.S_IMODE((tmp_path / "kubebridge").stat().st_mode) == 0o700


def test_an_owner_that_cannot_be_noted_is_an_error(tmp_path):
    """It names the file."""
    (tmp_path / "queue.db.owner").mkdir()

    with pytest.raises(QueueError, match=r"queue\.db\.owner: expected a file"):
        claim(tmp_path / "queue.db", "/a.yaml")
    check_owner(tmp_path / "queue.db", "/a.yaml")


async def test_a_queue_is_opened_once_for_all_that_use_it(tmp_path):
    """And closed by the last of them."""
    config = config_of(tmp_path)
    opening = partial(OpenStores(owner="/a.yaml").use, config)
    metrics = Metrics(version="0")

    async with (
        asyncio.TaskGroup() as tasks,
        opening(metrics=metrics, tasks=tasks) as first,
    ):
        async with opening(metrics=metrics, tasks=tasks) as second:
            assert (first, first.users) == (second, 2)
        with pytest.raises(QueueLockedError), locked_now(config.path):
            pass

    with locked_now(config.path):
        pass
