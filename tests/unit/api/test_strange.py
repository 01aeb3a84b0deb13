"""What no client of ours sends: huge numbers, no text, no sense. Never a traceback."""

import json

import pytest

from tests.unit.api.world import BEARER

LONE = "\ud800"
HUGE = 10**30
MILLION = "9" * 4000

GETS = (
    "/api/v1/events",
    "/api/v1/deliveries",
    "/api/v1/deliveries?state=waiting",
    "/api/v1/deliveries?state=delivered",
    "/api/v1/deliveries?state=dead",
    "/api/v1/dead-letters",
)
VALUES = (
    f"e{HUGE}",
    f"d{HUGE}",
    f"hook/e{HUGE}",
    f"j{HUGE}.0",
    f"j1.{HUGE}",
    f"waiting=hook/e{HUGE}",
    f"began={HUGE}.000000",
    "began=99999999999.999999",
    "%ED%A0%80",
    "%00",
    "e%D9%A3",
    f"e{MILLION}",
    "",
)
HANDLES = (f"e{HUGE}", f"d{HUGE}", LONE, f"e{LONE}", "e\x00", "e٣", f"d{MILLION}")
POSTS = (
    ("/api/v1/events/replay", {"toSink": "hook"}),
    ("/api/v1/dead-letters/replay", {}),
    ("/api/v1/dead-letters/purge", {}),
    ("/api/v1/deliveries/replay", {"toSink": "hook"}),
)


def assert_refused(answer):
    """Assert that an answer is a refusal with a sentence."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert isinstance(answer.json()["error"], str)


async def post(client, path, body, method="POST"):
    """Send a body with lone surrogates escaped, as JSON can have them."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **BEARER}
    return await client.request(method, path, content=content, headers=headers)


@pytest.mark.parametrize("value", VALUES, ids=lambda one: ascii(one)[:20])
@pytest.mark.parametrize("name", ["after", "limit", "since", "until", "attribute"])
async def test_a_strange_parameter_is_no_traceback(client, mixed, name, value):
    """It is refused with a sentence, or means nothing (issue 10, item 42)."""
    for path in GETS:
        between = "&" if "?" in path else "?"

        answer = await client.get(f"{path}{between}{name}={value}")

        if answer.status_code != 200:
            assert_refused(answer)


@pytest.mark.parametrize("value", VALUES[:-1], ids=lambda one: ascii(one)[:20])
async def test_a_strange_path_is_not_found(client, mixed, value):
    """A handle beyond 64 bits and one that is no text (issue 10, item 42)."""
    for path in ("events", "dead-letters", "deliveries/e1", "sinks"):
        answer = await client.get(f"/api/v1/{path}/{value}")

        assert_refused(answer)
    assert_refused(await client.get(f"/api/v1/deliveries/{value}/hook"))
    assert_refused(await client.delete(f"/api/v1/cursors/{value}"))


@pytest.mark.parametrize("handle", HANDLES, ids=lambda one: ascii(one)[:20])
async def test_a_strange_handle_is_refused(client, mixed, handle):
    """Whatever takes handles; nothing is replayed or purged (issue 10, item 42)."""
    for path, body in POSTS:
        answer = await post(client, path, {**body, "handles": [handle]})

        if answer.status_code != 200:
            assert_refused(answer)
        else:
            done = answer.json()
            assert done.get("replayed", 0) + done.get("purged", 0) == 0


BODIES = (
    {LONE: 1},
    {"toSink": LONE, "handles": ["e1"]},
    {"all": True, "sink": LONE},
    {"all": True, "reason": LONE},
    {"all": True, "attribute": [LONE]},
    {"all": True, "attribute": [f"id={LONE}"]},
    {"all": True, "after": f"1:{LONE}"},
    {"all": True, "after": f"1:d{HUGE}"},
    {"all": True, "since": HUGE},
    {"all": True, "since": "0001-01-01T00:00:00+14:00"},
    {"toSink": LONE},
    {"toSink": "hook", "after": "1:@" + LONE},
    {"toSink": "hook", "state": LONE},
    {"toSink": "hook", "handles": ["e1"], "more": [{"deep": (LONE,)}]},
    {"sink": "hook", "until": "9999-12-31T23:59:59-14:00"},
    {"reason": LONE},
    {"reason": "Zoë"},
    {"resourceVersion": LONE},
    {"resourceVersion": HUGE},
    {"timeoutSeconds": HUGE},
    b'{"timeoutSeconds": NaN}',
    b'{"timeoutSeconds": 1e999}',
    b'{"timeoutSeconds": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\xff\xfe",
    b'"\xed\xa0\x80"',
    [LONE],
    LONE,
    5,
)
CHANGES = (
    *((path, "POST") for path, _ in POSTS),
    ("/api/v1/deliveries/purge", "POST"),
    ("/api/v1/sinks/hook/pause", "POST"),
    ("/api/v1/sinks/hook/test", "POST"),
    ("/api/v1/cursors/85309c0f252c", "PUT"),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda one: ascii(one)[:40])
async def test_a_strange_body_is_no_traceback(client, mixed, body):
    """Whatever takes one refuses it, or takes what makes sense (issue 10, item 42)."""
    for path, method in CHANGES:
        answer = await post(client, path, body, method)

        if answer.status_code != 200:
            assert_refused(answer)
