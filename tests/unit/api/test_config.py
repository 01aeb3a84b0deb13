"""The configuration over the API."""

import asyncio
import threading
from collections import Counter
from dataclasses import replace

import pytest

from bridge.api.context import MOST_CHECKS
from bridge.config.models import RouteConfig

VALIDATE = "/api/v1/config/validate"
YAML = {"Content-Type": "application/yaml"}


async def test_config_is_what_is_described(client, world):
    """The API adds nothing and hides nothing: `describe` does that."""
    answer = await client.get("/api/v1/config")

    assert answer.json() == world.config


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (b"", []),
        (b"\xef\xbb\xbfa: 1\n", ["a: 1 is wrong"]),
        (b"\xff", ["expected UTF-8, got something else at byte 0"]),
    ],
)
async def test_validate_says_what_is_wrong(client, body, problems):
    """The answer is 200 either way: the question was a good one."""
    answer = await client.post(VALIDATE, content=body, headers=YAML)

    assert answer.status_code == 200
    assert answer.json() == {"valid": not problems, "problems": problems}


async def test_without_routes_an_implicit_one_is_shown(client):
    """No routes means every event to every sink."""
    answer = await client.get("/api/v1/routes")

    assert answer.json()["items"] == [
        {
            "name": "all",
            "sources": ["events"],
            "filters": [],
            "sinks": ["hook", "spare"],
            "implicit": True,
        }
    ]


async def test_routes_are_shown_with_what_they_take_and_give(client, world):
    """A route that names no sources takes all."""
    chosen = {"exact": {"reason": "BackOff"}}
    world.routes.append(RouteConfig(name="r", filters=(chosen,), sinks=("hook",)))

    [route] = (await client.get("/api/v1/routes")).json()["items"]

    assert route["sources"] == ["events"]
    assert route["sinks"] == ["hook"]
    assert route["filters"] == [chosen]
    assert not route["implicit"]


class Checks:
    """Checks that take until they are told to end."""

    def __init__(self):
        self.at_once = self.most = 0
        self.began, self.end = threading.Event(), threading.Event()

    def __call__(self, text):
        """Find nothing wrong, in the end."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.began.set()
        self.end.wait(10)
        self.at_once -= 1
        return []


async def test_configurations_are_checked_one_at_a_time(client):
    """Past a bound they are refused, and probes go on (issue 10, item 35)."""
    checks = Checks()
    parts = client._transport.app.state.parts
    client._transport.app.state.parts = replace(parts, check_config=checks)
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(client.post(VALIDATE, content=b"a", headers=YAML))
            for _ in range(20)
        ]
        await asyncio.to_thread(checks.began.wait)
        alive = await client.get("/livez")
        checks.end.set()

    statuses = Counter(one.result().status_code for one in asked)
    assert (alive.status_code, checks.most) == (200, 1)
    assert statuses == {200: MOST_CHECKS, 503: 20 - MOST_CHECKS}
