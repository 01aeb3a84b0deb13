"""A bug at any step of sending or converting tells no secret (issue 10, item 31).

At each step in turn an error is raised whose text and whose frame hold everything that
the step was given. What is searched: the log as it is written, in both forms, and all
that the API says.
"""

import io
import logging
import sys

import pytest
import structlog

from bridge.config import parse_config
from bridge.ingest.entries import Conversion
from bridge.logs import configure_logs
from bridge.sinks.http.auth import OAuth2Auth
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.http.redaction import Redactor
from bridge.sinks.http.request import RequestBuilder, RequestHeaders
from bridge.sinks.http.signing import StandardSigner
from bridge.sinks.http.size_limit import SizeLimit
from bridge.sinks.http.token_endpoint import TokenEndpoint
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.llhttp.connection import Connection
from bridge.sinks.transports.llhttp.pool import Pool
from bridge.sinks.transports.llhttp.transport import LlhttpTransport, RequestHeads
from tests.unit.api.world import open_world
from tests.unit.app.test_secrecy import AUTHS, GRANTED, NEEDLES, SECRETS, SIGNS, attempt
from tests.unit.ingest.objects import of_pods, pod, turned
from tests.unit.sinks.authorization import granted
from tests.unit.sinks.receiver import Receiver, answer

STEPS = [
    (RequestHeaders, "current"),
    (RequestBuilder, "compose"),
    (RequestBuilder, "passes"),
    (SizeLimit, "room"),
    (StandardSigner, "headers"),
    (OAuth2Auth, "ready"),
    (OAuth2Auth, "get"),
    (TokenEndpoint, "ask"),
    (LlhttpTransport, "request"),
    (RequestHeads, "request"),
    (Pool, "find"),
    (Pool, "take"),
    (Pool, "give_back"),
    (Connection, "ask"),
    (Connection, "data_received"),
    (AiohttpTransport, "request"),
    (Redactor, "redact"),
    (ResponseClassifier, "fault"),
]


@pytest.fixture(params=["json", "text"])
def log(request, monkeypatch):
    """Return what is written, as the process writes it."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(level="debug", format=request.param)
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def break_at(monkeypatch, kind, name):
    """Let a step fail with all that it knows."""
    step = getattr(kind, name)

    def fail(self, *given, **named):
        secrets = " ".join([*SECRETS.values(), *NEEDLES])
        raise RuntimeError(f"{vars(self)} {given} {named} {step} {secrets}")

    monkeypatch.setattr(kind, name, fail)


@pytest.mark.parametrize(("kind", "name"), STEPS)
async def test_bug_in_a_step_of_sending(tmp_path, monkeypatch, log, kind, name):
    """It is logged with type and line, and is an attempt that failed."""
    for one, secret in SECRETS.items():
        (tmp_path / one).write_text(secret)
    break_at(monkeypatch, kind, name)
    async with Receiver(answer()) as receiver, Receiver(granted(GRANTED)) as endpoint:
        text = f"""sinks: [{{name: hook, url: {receiver.url}, timeout: 1s,
            headers: {{X-Key: {{file: header}}}}, auth: {AUTHS["oauth2"]},
            sign: {SIGNS["oauth2"]}}}]""".replace("TOKENS", endpoint.url)
        config = parse_config(text, name=str(tmp_path / "bridge.yaml"), env={})
        async with open_world(tmp_path / "queue.db") as world:
            shown = await attempt(world, config)
            status = world.health.sinks["hook"]

    said = f"{shown} {status} {log.getvalue()}"
    assert status.last_error
    assert "RuntimeError" in said
    assert [needle for needle in NEEDLES if needle in said] == []


def test_bug_in_converting(monkeypatch, log):
    """The dead letter names type and line, and nothing of the object's."""
    break_at(monkeypatch, Conversion, "_accepted")

    [rejected] = [entry for entry in turned(of_pods(None), pod(101)) if entry.error]

    said = f"{rejected.error} {log.getvalue()}"
    assert "unexpected RuntimeError in fail" in rejected.error
    assert [needle for needle in NEEDLES if needle in said] == []
