"""Readers of a cluster live on for as long as they can serve the next configuration."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from bridge.cluster.settings import ClusterConfig
from bridge.errors import CredentialsError
from bridge.health import Health
from bridge.ingest.cluster_readers import ClusterReaders
from bridge.metrics import Metrics
from bridge.queue import Queue
from tests.unit.ingest.fakes import settings_of
from tests.unit.memory_queue import MemoryQueue


def config_of(
    folder: Path, *, server: str = "http://127.0.0.1:9", name: str | None = None
) -> ClusterConfig:
    """Return the settings of a cluster, whose kubeconfig is written."""
    path = folder / "kubeconfig"
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path.write_text(json.dumps(document))
    return ClusterConfig(kubeconfig=path, name=name)


@asynccontextmanager
async def readers_of(*configs: ClusterConfig) -> AsyncIterator[list[ClusterReaders]]:
    """Yield readers with these settings; stop them."""
    async with asyncio.TaskGroup() as tasks:
        found = [
            ClusterReaders(
                config,
                queue=cast("Queue", MemoryQueue()),
                health=Health(),
                metrics=Metrics(version="0"),
                tasks=tasks,
            )
            for config in configs
        ]
        yield found
        for one in found:
            await one.stop()


async def test_readers_run_once(tmp_path: Path) -> None:
    """Whatever is applied, and however often they are started."""
    async with readers_of(config_of(tmp_path)) as [readers]:
        await readers.start()
        await readers.stop_changed(settings_of("{}"))
        supervisor = readers.apply(settings_of("{}"))
        for _ in range(2):
            await readers.start()
            await readers.stop_changed(settings_of("{}"))

        assert readers.apply(settings_of("{kind: Pod}")) is supervisor
        assert await readers.open() is await readers.open()


async def test_equal_settings_need_no_other_readers(tmp_path: Path) -> None:
    """Be they open or not."""
    config = config_of(tmp_path)
    async with readers_of(config, config) as [one, other]:
        before = await one.take_over(other)
        await one.open()
        await other.open()

        assert (before, await one.take_over(other)) == (True, True)


async def test_other_settings_need_other_readers(tmp_path: Path) -> None:
    """Those of the cluster section."""
    configs = config_of(tmp_path), config_of(tmp_path, name="prod")
    async with readers_of(*configs) as [one, other]:
        assert not await one.take_over(other)


async def test_another_server_behind_equal_settings_needs_other_readers(
    tmp_path: Path,
) -> None:
    """The kubeconfig was written again."""
    config = config_of(tmp_path)
    async with readers_of(config, config) as [one, other]:
        await one.open()
        config_of(tmp_path, server="http://127.0.0.1:7")
        await other.open()

        assert not await one.take_over(other)


async def test_readers_that_stopped_serve_nobody(tmp_path: Path) -> None:
    """They cannot start again."""
    config = config_of(tmp_path)
    async with readers_of(config, config) as [one, other]:
        await one.stop()

        assert not await one.take_over(other)


async def test_credentials_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """Before anything runs."""
    async with readers_of(ClusterConfig(kubeconfig=tmp_path / "none")) as [readers]:
        with pytest.raises(CredentialsError):
            await readers.open()
