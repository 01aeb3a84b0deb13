"""Who may ask what."""

import httpx
import pytest

from bridge.api.auth import OPEN_PATHS, Asked, refusal
from tests.unit.api.world import BEARER

READ = ("GET", "/api/v1/sinks")
WRITE = ("POST", "/api/v1/sinks/hook/purge")
VALIDATE = ("POST", "/api/v1/config/validate")
LOCAL = "127.0.0.1:8080"
YAML = {"Content-Type": "application/yaml"}


def status(request, *, token, loopback, authorization="", host=LOCAL):
    """Return the status of a refusal; 200: there is none."""
    asked = Asked(
        method=request[0], path=request[1], host=host, authorization=authorization
    )
    refused = refusal(asked, token=token, loopback=loopback)
    return 200 if refused is None else refused.status_code


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
@pytest.mark.parametrize("loopback", [True, False])
def test_probes_and_metrics_are_open_to_anybody(path, loopback):
    """A kubelet and a Prometheus have no token, and call us by any name."""
    asked = ("GET", path)

    assert status(asked, token="t", loopback=loopback, host="10.0.0.7") == 200


@pytest.mark.parametrize(
    ("request_", "loopback", "token", "given", "expected"),
    [
        (READ, True, None, "", 200),
        (READ, True, "t", "", 200),
        (READ, False, None, "Bearer t", 403),
        (READ, False, "", "Bearer ", 403),
        (READ, False, "t", "", 401),
        (READ, False, "t", "Bearer t", 200),
        (VALIDATE, True, None, "", 200),
        (VALIDATE, False, "t", "", 401),
        (WRITE, True, None, "Bearer t", 403),
        (WRITE, True, "t", "", 401),
        (WRITE, True, "t", "Bearer x", 401),
        (WRITE, True, "t", "Basic t", 401),
        (WRITE, True, "t", "bearer  t", 200),
        (WRITE, True, "t", "Bearer \xe9", 401),
        (WRITE, False, "t", "Bearer t", 200),
        (("GET", "/openapi.json"), False, "t", "", 401),
        (("GET", "//livez"), False, "t", "", 401),
        (("OPTIONS", "/"), False, "t", "", 401),
    ],
    ids=str,
)
def test_reading_and_writing_want_a_token_where_they_should(
    request_, loopback, token, given, expected
):
    """Writing always, reading beyond loopback; without a token set it is shut."""
    found = status(request_, token=token, loopback=loopback, authorization=given)

    assert found == expected


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:8080", "[::1]:8080"]
)
def test_a_loopback_host_is_answered(host):
    """The names of this machine."""
    assert status(READ, token=None, loopback=True, host=host) == 200


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil", "127.0.0.1.x"])
def test_another_host_on_loopback_is_refused(host):
    """A page that pointed its name at 127.0.0.1 learns nothing (DNS rebinding)."""
    assert status(READ, token=None, loopback=True, host=host) == 403
    assert status(READ, token="t", loopback=False, host=host) == 401


@pytest.fixture
def ask(world):
    """Return what sends one request to an API of some kind."""

    async def send(method, path, *, token, loopback, **request):
        transport = httpx.ASGITransport(world.build_api(token=token, loopback=loopback))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as client:
            return await client.request(method, path, **request)

    return send


async def test_a_shut_api_says_why(ask):
    """403 names the setting and what it shuts."""
    beyond = await ask(*READ, token=None, loopback=False)
    local = await ask(*WRITE, token=None, loopback=True)

    unset = "server.token is not set or cannot be read, and"
    assert beyond.json() == {"error": f"{unset} all but probes and metrics needs it"}
    assert local.json() == {"error": f"{unset} writing needs it"}


async def test_a_missing_token_is_asked_for(ask):
    """401 says which scheme is wanted (RFC 6750, 3)."""
    answer = await ask(*READ, token="t", loopback=False)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {"error": "expected the bearer token of server.token"}


async def test_what_does_not_exist_is_guarded_too(ask):
    """Beyond loopback nobody learns which paths there are."""
    answer = await ask("GET", "/api/v1/nothing", token="t", loopback=False)

    assert answer.status_code == 401


async def test_a_body_that_is_too_large_is_refused(client):
    """No request can fill the memory."""
    answer = await client.post(VALIDATE[1], content=b"x" * (2**20 + 1), headers=YAML)

    assert answer.status_code == 413
    assert answer.json() == {"error": "expected at most 1048576 bytes, got more"}


async def test_lifespan_messages_pass(world):
    """Only requests are guarded."""
    sent = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    await world.build_api()({"type": "lifespan", "asgi": {}}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_the_token_is_read_at_each_request(world, client):
    """What is sent as a header is what is compared."""
    answer = await client.post("/api/v1/sinks/hook/purge", headers=BEARER)

    assert answer.status_code == 200


OURS = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 200),
        ({"Origin": OURS}, 200),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8081"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
    ids=str,
)
async def test_a_web_page_of_another_origin_cannot_post(client, fields, expected):
    """Whoever sends it, and in no form that needs no preflight (issue 10, item 35)."""
    answer = await client.post(VALIDATE[1], content=b"", headers=YAML | fields)
    given = await client.post(VALIDATE[1], content=b"a: 1", headers=YAML | fields)

    assert given.status_code == expected
    assert answer.status_code == (200 if expected == 415 else expected)


async def test_a_body_without_a_type_is_refused_and_says_what_is_expected(client):
    """Only JSON is taken where JSON is meant (issue 10, item 35)."""
    answer = await client.post("/api/v1/sinks/hook/pause", content=b"{}")
    asked = await client.post("/api/v1/sinks/hook/pause", content=b"{}", headers=YAML)

    said = "expected Content-Type application/json, got"
    assert (answer.status_code, asked.status_code) == (415, 415)
    assert answer.json() == {"error": f"{said} none"}
    assert asked.json() == {"error": f"{said} 'application/yaml'"}


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("/livez?" + "a" * 2**15, {}, 414),
        ("/livez", {"X-A": "a" * 2**15}, 431),
        ("/livez", {f"X-{number}": "aaa" for number in range(4000)}, 431),
    ],
)
async def test_a_large_head_is_refused_though_it_came_at_once(
    client, path, fields, expected
):
    """Whatever piece it came in (issue 10, item 29)."""
    assert (await client.get(path, headers=fields)).status_code == expected


async def test_a_client_that_left_in_its_body_is_no_failure(world):
    """There is nobody to answer, and nothing to log."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": VALIDATE[1],
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"text/yaml")],
    }
    sent = []

    async def leave():
        return {"type": "http.disconnect"}

    await world.build_api()(scope, leave, sent.append)

    assert sent == []
