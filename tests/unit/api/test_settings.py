"""The configuration over the API."""

import pytest


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
    answer = await client.post("/api/v1/config/validate", content=body)

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
    world.config["routes"] = [
        {"name": "r", "sources": None, "filters": [chosen], "sinks": ["hook"]}
    ]

    [route] = (await client.get("/api/v1/routes")).json()["items"]

    assert route["sources"] == ["events"]
    assert route["sinks"] == ["hook"]
    assert route["filters"] == [chosen]
    assert not route["implicit"]
