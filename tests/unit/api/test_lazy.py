"""Probes are answered at once; the rest of the API is built when it is asked for."""

import asyncio

import httpx
import pytest

from bridge.api import LazyApi, application
from tests.unit.api.world import BEARER, TOKEN


@pytest.fixture
def api(world):
    """The application of a process as it serves it."""
    return LazyApi(world.context(), token=lambda: TOKEN, loopback=True, version="1")


@pytest.fixture
def built(monkeypatch):
    """How often the application behind it was built."""
    calls = []
    create = application.create_api

    def counted(*args, **more):
        calls.append(args)
        return create(*args, **more)

    monkeypatch.setattr(application, "create_api", counted)
    return calls


def client_of(api):
    """Return a client on this machine."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api),
        base_url="http://127.0.0.1:8080",
        headers=BEARER,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/livez", "/readyz?verbose", "/startupz", "/healthz", "/metrics"]
)
async def test_probes_and_metrics_need_no_application(api, built, client, method, path):
    """They answer as it would."""
    async with client_of(api) as lazy:
        answer = await lazy.request(method, path)
    whole = await client.request(method, path)

    assert built == []
    assert answer.status_code == whole.status_code
    assert answer.headers["content-type"] == whole.headers["content-type"]
    assert (answer.text == whole.text) or path == "/metrics"


async def test_the_application_is_built_once(api, built):
    """However many ask at once, and with their answers."""
    async with client_of(api) as lazy, asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(lazy.get("/api/v1/routes"), name="ask") for _ in range(3)
        ]

    assert [one.result().status_code for one in asked] == [200] * 3
    assert len(built) == 1


async def test_a_probe_that_is_posted_is_refused_as_before(api, built):
    """By the application, in its form."""
    async with client_of(api) as lazy:
        answer = await lazy.post("/livez")

    assert (answer.status_code, len(built)) == (405, 1)
