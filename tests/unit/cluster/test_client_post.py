"""What is sent to an API server: the same credentials, deadline and errors as GET."""

import asyncio
import json
import sys

import pytest
from aiohttp import web

from bridge.cluster import client as client_module
from bridge.errors import (
    ForbiddenError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from tests.unit.cluster.server import (
    CERTIFICATES,
    Answer,
    connected,
    secure,
    server_tls,
    streaming,
)

PLUGIN = """
import json, pathlib, sys
runs = pathlib.Path(sys.argv[1])
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
token = "run%d" % len(runs.read_text())
print(json.dumps({
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": token},
}))
"""


def refusing(*, before):
    """Answer 401, after something happened to the credentials."""

    async def behave(request):
        before()
        return web.json_response({}, status=401)

    return behave


def keeping(bodies):
    """Keep what is sent, and answer as an API server that made something of it."""

    async def behave(request):
        bodies.append((request.method, request.content_type, await request.json()))
        return web.json_response({"made": True}, status=201)

    return behave


async def test_post_sends_json_and_returns_the_answer(tmp_path):
    """Any 2xx is success: what is made is answered by 201."""
    bodies = []
    async with connected(tmp_path, keeping(bodies)) as (client, server):
        answer = await client.post("/apis/x/v1/things", {"spec": {"a": "é"}})

    assert json.loads(answer) == {"made": True}
    assert bodies == [("POST", "application/json", {"spec": {"a": "é"}})]
    assert server.requests[0].path == "/apis/x/v1/things"


async def test_a_post_is_sent_again_with_the_token_of_now(tmp_path):
    """401: the token file is read anew; what was refused was not carried out."""
    token, bodies = tmp_path / "token", []
    token.write_text("old\n")
    refuse = refusing(before=lambda: token.write_text("new\n"))

    settings = secure() | {"user": {"tokenFile": "token"}}
    behaviours = (refuse, keeping(bodies))
    async with connected(tmp_path, *behaviours, **settings) as (client, server):
        await client.post("/x", {"a": 1})

    assert server.tokens == ["Bearer old", "Bearer new"]
    assert [body for *_, body in bodies] == [{"a": 1}]


async def test_a_post_lets_the_plugin_run_again(tmp_path):
    """401: an exec plugin gives another token."""
    arguments = ["-c", PLUGIN, str(tmp_path / "runs")]
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": arguments,
        "interactiveMode": "Never",
    }
    settings = secure() | {"user": {"exec": plugin}}
    behaviours = (Answer(status=401), Answer())
    async with connected(tmp_path, *behaviours, **settings) as (client, server):
        await client.post("/x", {})

    assert server.tokens == ["Bearer run1", "Bearer run2"]


async def test_a_post_finds_a_replaced_authority(tmp_path):
    """The handshake failed, so nothing had been sent."""
    authority = tmp_path / "ca.crt"
    authority.write_bytes((CERTIFICATES / "elsewhere.pem").read_bytes())
    trust = {"certificate-authority": "ca.crt"}
    async with connected(tmp_path, Answer(), tls=server_tls(), cluster=trust) as (
        client,
        server,
    ):
        authority.write_bytes((CERTIFICATES / "ca.pem").read_bytes())
        await client.post("/x", {})

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "times"),
    [
        (401, UnauthorizedError, 2),
        (403, ForbiddenError, 1),
        (429, ThrottledError, 1),
    ],
)
async def test_a_refused_post_is_an_error(tmp_path, status, error, times):
    """Only 401 is tried again, and only once."""
    async with connected(tmp_path, Answer(status=status)) as (client, server):
        with pytest.raises(error, match="post /x"):
            await client.post("/x", {})

    assert len(server.requests) == times


async def test_a_post_that_is_cut_is_not_repeated(tmp_path):
    """Nobody knows whether it was carried out."""
    async with connected(tmp_path, streaming(b"{", cut=True)) as (client, server):
        with pytest.raises(UnreachableError):
            await client.post("/x", {})

    assert len(server.requests) == 1


async def test_a_post_has_a_deadline(tmp_path, monkeypatch):
    """As everything that is asked."""
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.05)
    forever = streaming(b"{", hold=asyncio.Event())
    async with connected(tmp_path, forever) as (client, _):
        with pytest.raises(UnreachableError, match="no answer in time"):
            await client.post("/x", {})
