"""A running API, and a command line that asks it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache

import pytest
from click import Command
from click.testing import CliRunner, Result
from typer.main import get_command

from bridge.api.server import bind, serving, url_of
from bridge.cli import app
from tests.unit.api.world import TOKEN, World, open_world

Ask = Callable[..., Awaitable[Result]]


def invoke(*words: str, env: dict[str, str | None] | None = None, **options) -> Result:
    """Run one verb in this process, as in a pipe."""
    return CliRunner().invoke(_command(), words, env=env, **options)


@cache
def _command() -> Command:
    """Return the verbs as Click has them; Typer takes 10 ms to make them."""
    return get_command(app)


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A process with two sinks and one reader."""
    async with open_world(tmp_path / "queue.db") as world:
        yield world


@pytest.fixture
async def ask(world) -> AsyncIterator[Ask]:
    """Return what runs a verb against the API of the world."""
    listener = bind("127.0.0.1", 0)
    env = {"KUBEBRIDGE_URL": url_of(listener), "KUBEBRIDGE_TOKEN": TOKEN}

    async def run(*words: str, **options) -> Result:
        given = env | options.pop("env", {})
        return await asyncio.to_thread(invoke, *words, env=given, **options)

    async with serving(world.build_api(), listener, metrics=world.metrics):
        yield run
