"""An API server on a real socket that answers what a test tells it."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bridge.cluster.client import ClusterClient

CERTIFICATES = Path(__file__).parents[1] / "sinks" / "certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer in good order."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Answer | Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ApiServer:
    """Each request gets the next behaviour; the last one stays."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[web.BaseRequest] = []
        self.url = ""

    @property
    def tokens(self) -> list[str | None]:
        """The Authorization header of each request."""
        return [request.headers.get("Authorization") for request in self.requests]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self.requests.append(request)
        chosen = self.behaviours[0]
        if len(self.behaviours) > 1:
            del self.behaviours[0]
        if not isinstance(chosen, Answer):
            return await chosen(request)
        return web.Response(
            status=chosen.status,
            body=chosen.body,
            content_type=chosen.content_type,
            headers=chosen.headers,
        )


@asynccontextmanager
async def serve(*behaviours: Behaviour, tls: ssl.SSLContext | None = None):
    """Run an API server with these behaviours."""
    server = ApiServer(*behaviours)
    runner = web.ServerRunner(
        web.Server(server.handle, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def server_tls(*, wants_client: bool = False, name: str = "server") -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    if wants_client:
        context.load_verify_locations(CERTIFICATES / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def secure() -> dict[str, Any]:
    """Settings for `connected` with TLS: over plain HTTP no credentials are sent."""
    trust = {"certificate-authority": str(CERTIFICATES / "ca.pem")}
    return {"tls": server_tls(), "cluster": trust}


def kubeconfig(folder: Path, *, url: str, cluster=(), user=(), **changes) -> Path:
    """Write a kubeconfig with one context named here, and return its path."""
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, **dict(cluster)}}],
        "users": [{"name": "u", "user": dict(user)}],
        **changes,
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


@asynccontextmanager
async def connected(
    folder: Path, *behaviours: Behaviour, tls: ssl.SSLContext | None = None, **settings
):
    """Run an API server, and a client that finds it by a kubeconfig."""
    async with serve(*behaviours, tls=tls) as server:
        path = kubeconfig(folder, url=server.url, **settings)
        async with ClusterClient.open(kubeconfig=path, environ={}) as client:
            yield client, server


def page(*names: str, version: str = "9", token: str = "") -> Answer:
    """A page of a list of these objects, without kinds, as kube-apiserver sends it."""
    items = [{"metadata": {"name": name, "resourceVersion": "7"}} for name in names]
    metadata = {"resourceVersion": version, "continue": token}
    body = {"kind": "EventList", "metadata": metadata, "items": items}
    return Answer(body=json.dumps(body).encode())


def streaming(
    *chunks: bytes,
    hold: asyncio.Event | None = None,
    last: bytes = b"",
    cut: bool = False,
) -> Behaviour:
    """Send these chunks, wait for `hold`, send `last`, and end or break off."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if hold is not None:
            await hold.wait()
            await response.write(last)
        if cut:
            request.transport.abort()
        return response

    return behave
