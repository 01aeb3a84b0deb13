"""An API over a real queue file, and a way to ask it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.api.world import BEARER, World, open_world


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A queue with two open sinks, and what its parts say of themselves."""
    async with open_world(tmp_path / "queue.db") as world:
        yield world


@pytest.fixture
async def client(world) -> AsyncIterator[httpx.AsyncClient]:
    """An operator on this machine, with the token."""
    transport = httpx.ASGITransport(world.build_api())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=BEARER
    ) as client:
        yield client


@pytest.fixture
async def mixed(world):
    """Of hook: a and b failed with 503, c is fresh, d was delivered, e is dead."""
    await world.store("d")
    await world.deliver()
    await world.store("e", routes=("pods", "all"))
    await world.give_up()
    await world.store("a", "b", reason="Killing")
    await world.fail()
    await world.store("c", sinks=("hook", "spare"))
