"""The verb that touches the queue's file."""

import json

import pytest

from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.api.world import open_world
from tests.unit.cli.conftest import invoke


@pytest.fixture
async def path(tmp_path):
    """A queue file in which two deliveries wait, left by its process."""
    path = tmp_path / "queue.db"
    async with open_world(path) as world:
        await world.store("a", "b")
    return path


def test_rows_are_salvaged_into_a_new_file(path):
    """A person reads how many, and how to use it; the old file stays."""
    before = path.read_bytes()

    result = invoke("queue", "recover", str(path), "-o", "text")

    assert result.exit_code == 0, result.output
    assert "2 events, 2 deliveries" in result.stdout
    assert f"to use it: mv {path}.recovered {path}" in result.stdout
    assert path.read_bytes() == before


async def test_what_was_salvaged_is_a_queue(path, tmp_path):
    """A bridge can go on with it."""
    target = tmp_path / "new.db"

    result = invoke("queue", "recover", str(path), "--to", str(target))

    answer = json.loads(result.stdout)
    assert answer["deliveries"] == 2
    assert {"inDoubt", "deadLetters"} < answer.keys()  # camelCase, as everywhere
    async with SqliteQueue.open(
        QueueConfig(path=target, keep="0s", keepSize="0B", reserve="0B")
    ) as queue:
        assert (await queue.depth("hook")).waiting == 2


async def test_a_file_that_a_process_owns_is_refused(tmp_path):
    """Exit code 3: stop the bridge first."""
    path = tmp_path / "queue.db"
    async with open_world(path):
        result = invoke("queue", "recover", str(path))

    assert result.exit_code == 3
    assert str(path) in result.stderr


def test_a_target_that_exists_is_refused(path):
    """Nothing is overwritten."""
    result = invoke("queue", "recover", str(path), "--to", str(path))

    assert result.exit_code == 1
    assert "expected no file there yet" in result.stderr
