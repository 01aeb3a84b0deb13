"""No secret of a sink is ever said, whatever goes wrong: each failing path is run.

A webhook and a token endpoint answer with all that they were sent, in every way they
can. What is searched: log lines, metrics, what the API says of the configuration, of
sinks and of dead letters, and the stored attempts.
"""

import asyncio
import base64
import logging
from contextlib import asynccontextmanager

import httpx
import pytest
from structlog.testing import capture_logs

from bridge.config import describe, parse_config
from bridge.deliver import RetryPolicy, Sender
from bridge.deliver.settings import RetryConfig
from bridge.metrics import Metrics
from bridge.sinks.transports.egress import Egress
from tests.unit.api.world import BEARER, open_world
from tests.unit.app.building import build_sinks
from tests.unit.sinks.authorization import granted
from tests.unit.sinks.receiver import Receiver, answer, close, hang, send

PASSWORD, TOKEN, GRANTED = "hunter2-pass", "hunter2-token", "hunter2-granted"
CLIENT, HEADER, HUB = "hunter2/client", "hunter2-header", "hunter2-hub"
KEY = base64.b64encode(b"k" * 24).decode()
SECRETS = {
    "password": PASSWORD,
    "token": TOKEN,
    "client": CLIENT,
    "header": HEADER,
    "hub": HUB,
    "key": f"whsec_{KEY}",
    "empty": "",
}
NEEDLES = (
    *("hunter2", KEY),
    *(base64.b64encode(f"me:{one}".encode()).decode() for one in (PASSWORD, TOKEN)),
    *(base64.b64encode(b"me:hunter2%2Fclient").decode(), "hunter2%2Fclient"),
)

AUTHS = {
    "basic": "{basic: {username: me, password: {file: password}}}",
    "bearer": "{bearer: {file: token}}",
    "oauth2": "{oauth2: {tokenUrl: 'TOKENS', clientId: me, "
    "clientSecret: {file: client}}}",
    "oauth2-post": "{oauth2: {tokenUrl: 'TOKENS', clientId: me, "
    "clientSecret: {file: client}, method: client_secret_post}}",
}
SIGNS = {
    "basic": "{secrets: [{file: key}]}",
    "bearer": "{scheme: hub, secrets: [{file: hub}]}",
    "oauth2": "{secrets: [{file: key}]}",
    "oauth2-post": "{secrets: [{file: key}]}",
}


def echo(status, *, retry_after=None):
    """Answer with everything that came, and with what the receiver knows besides."""

    async def behave(connection, request):
        key = HUB if "x-hub-signature-256" in request.headers else KEY
        came = f"{dict(request.headers)} {request.body.decode()} {key}"
        secret = request.headers.get("authorization", "").rpartition(" ")[2]
        fields = {"Location": f"http://elsewhere/{secret}", "X-Echo": secret}
        if retry_after:
            fields["Retry-After"] = retry_after
        await answer(status, came.encode(), fields)(connection, request)

    return behave


async def babble(connection, request):
    """Answer with what came, and not in HTTP."""
    said = f"{request.headers.get('authorization')} {request.body.decode()}\r\n\r\n"
    await send(said.encode(), then="close")(connection, request)


async def break_off(connection, request):
    """Answer with what came, and stop in the middle."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    came = request.headers.get("authorization", "").encode()
    await send(head + came, then="close")(connection, request)


FAILURES = {
    **{str(status): echo(status) for status in (302, 400, 401, 404, 409, 413, 500)},
    "503": echo(503, retry_after="1"),
    "taken": echo(200),
    "babble": babble,
    "break off": break_off,
    "close": close,
    "hang": hang,
}
TOKEN_FAILURES = {
    **{f"tokens {status}": echo(status) for status in (200, 302, 400, 401, 503)},
    "tokens babble": babble,
    "tokens break off": break_off,
    "tokens hang": hang,
}
NO_FAULT = {"taken"}


@asynccontextmanager
async def running(world, sink):
    """Deliver to the sink; the first failure of an event is its last."""
    delivery = Sender(
        sink=sink,
        queue=world.queue,
        concurrency=1,
        policy=RetryPolicy(retry=RetryConfig(age="1ms", attempts=1)),
        status=world.health.sinks["hook"],
        metrics=world.metrics,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.run(stop=stop, grace_seconds=1), name="delivery")
        yield
        stop.set()


async def attempt(world, config):
    """Deliver one event, well or badly, and return all that the API says then."""
    status = world.health.sinks["hook"]
    world.config = describe(config)
    await world.store("a")
    async with (
        build_sinks(config, egress=Egress(), metrics=Metrics(version="0")) as (sink,),
        running(world, sink),
    ):
        while not (status.last_error_at or status.last_success_at):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    transport = httpx.ASGITransport(world.build_api())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=BEARER
    ) as api:
        return await everything(api)


async def everything(api):
    """Return what each page of the API says."""
    pages = ["/metrics", "/readyz?verbose", "/api/v1/config", "/api/v1/sinks"]
    letters = (await api.get("/api/v1/dead-letters")).json()["items"]
    pages += [f"/api/v1/dead-letters/{letter['handle']}" for letter in letters]
    return " ".join([str(letters), *[(await api.get(page)).text for page in pages]])


async def said(tmp_path, caplog, auth, *, hook, tokens=None, empty=""):
    """Run one path; return all that was said anywhere, and the sink's status."""
    caplog.set_level(logging.DEBUG)
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text("" if name == empty else secret)
    script = (granted(GRANTED), granted(f"{GRANTED}-2")) if tokens is None else [tokens]
    async with Receiver(hook) as receiver, Receiver(*script) as endpoint:
        text = f"""sinks: [{{name: hook, url: {receiver.url}, timeout: 1s,
            headers: {{X-Key: {{file: header}}}}, auth: {AUTHS[auth]},
            sign: {SIGNS[auth]}}}]""".replace("TOKENS", endpoint.url)
        config = parse_config(text, name=str(tmp_path / "bridge.yaml"), env={})
        async with open_world(tmp_path / "queue.db") as world:
            with capture_logs() as logs:
                shown = await attempt(world, config)
            status = world.health.sinks["hook"]
    return f"{shown} {logs} {caplog.text} {status}", status


def check(text, status, *, is_fault):
    """Assert that something went wrong, if it should, and that nothing was told."""
    assert bool(status.last_error) == is_fault, status
    assert "raised what it may not" not in text
    assert [needle for needle in NEEDLES if needle in text] == []


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("auth", AUTHS)
async def test_webhook_that_tells_everything(tmp_path, caplog, auth, failure):
    """In every status, in a redirect, in what is not HTTP and in half an answer."""
    text, status = await said(tmp_path, caplog, auth, hook=FAILURES[failure])

    check(text, status, is_fault=failure not in NO_FAULT)


@pytest.mark.parametrize("failure", TOKEN_FAILURES)
@pytest.mark.parametrize("auth", ["oauth2", "oauth2-post"])
async def test_token_endpoint_that_tells_everything(tmp_path, caplog, auth, failure):
    """It gets the client's secret, and tells it in all these ways."""
    tokens = TOKEN_FAILURES[failure]
    text, status = await said(tmp_path, caplog, auth, hook=answer(), tokens=tokens)

    assert "token endpoint http://127.0.0.1:" in status.last_error
    check(text, status, is_fault=True)


@pytest.mark.parametrize(
    ("auth", "empty"),
    [
        *[("basic", "password"), ("bearer", "token"), ("oauth2", "client")],
        *[("basic", "key"), ("bearer", "hub"), ("basic", "header")],
    ],
)
async def test_secret_that_is_missing_is_named(tmp_path, caplog, auth, empty):
    """The name of the file is all that is said, of it and of the others."""
    text, status = await said(tmp_path, caplog, auth, hook=answer(), empty=empty)

    assert f"secret file {tmp_path / empty}: expected a value" in status.last_error
    check(text, status, is_fault=True)


async def test_key_that_is_none_is_not_shown(tmp_path, caplog, monkeypatch):
    """Nor is what stands where a key should."""
    monkeypatch.setitem(SECRETS, "key", "whsec_hunter2")
    text, status = await said(tmp_path, caplog, "basic", hook=answer())

    assert "sign.secrets[0]: expected base64" in status.last_error
    check(text, status, is_fault=True)
