"""The API server itself: HTTP on loopback, and Python for the process that runs it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import yaml
from aiohttp import web

from bridge.demo.apiserver.faults import Faults
from bridge.demo.apiserver.handler import Handler, Logged
from bridge.demo.apiserver.objects import Objects
from bridge.demo.apiserver.resources import EVENTS, Catalog
from bridge.demo.apiserver.storage import ObjectStorage, Record
from bridge.demo.apiserver.wire import typed

HOST = "127.0.0.1"
_MANAGER = "kubebridge-demo"
_MOST_BYTES = 16 * 1024 * 1024

Object = dict[str, Any]


class ApiServer:
    """A Kubernetes API server in this process, for as long as it is entered.

    Objects are addressed by a resource's name (``pods``, ``deployments.apps``,
    ``events.events.k8s.io``), a namespace (empty for what has none) and a name.

    Attributes:
        storage: all objects and their history.
        faults: what is to go wrong.
    """

    def __init__(
        self,
        *,
        event_ttl_seconds: float = 3600.0,
        port: int = 0,
        token: str | None = None,
        bookmark_seconds: float = 60.0,
    ) -> None:
        """Prepare a server with the namespaces ``default`` and ``kube-system``.

        Args:
            event_ttl_seconds: how long Events live after their last change.
            port: the port on loopback; 0 takes a free one.
            token: what clients must bear; ``None`` lets everybody in. kubectl sends
                no token without TLS, so it needs ``None``.
            bookmark_seconds: the time between two bookmarks of a watch.
        """
        self.storage = ObjectStorage(ttl_seconds={EVENTS: event_ttl_seconds})
        self.faults = Faults(wake=self.storage.wake)
        self._catalog = Catalog()
        self._objects = Objects(self.storage, self._catalog)
        self._handler = Handler(
            storage=self.storage,
            catalog=self._catalog,
            objects=self._objects,
            faults=self.faults,
            token=token,
            bookmark_seconds=bookmark_seconds,
        )
        self._token = token
        self._port = port
        # Often enough that nothing outlives its time by more than a twentieth.
        self._expiry_seconds = min(max(event_ttl_seconds / 20, 0.02), 1.0)
        for name in ("default", "kube-system"):
            self.create("namespaces", "", {"metadata": {"name": name}})

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handler.handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        self._port = self._runner.addresses[0][1]
        self._expire()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all watches and stop listening."""
        self._timer.cancel()
        self.faults.close_watches()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self._port}"

    @property
    def requests(self) -> Sequence[Logged]:
        """The last 10,000 requests that were let in, oldest first."""
        return tuple(self._handler.requests)

    def kubeconfig(self, path: Path) -> None:
        """Write a file by which kubectl and the bridge find and enter this server."""
        name = "kubebridge-demo"
        user = {"token": self._token} if self._token else {}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """Return one object.

        Raises:
            StatusError: 404.
        """
        kind = self._catalog.named(resource)
        return _decoded(typed(kind, self._objects.body(kind, namespace, name)))

    def create(self, resource: str, namespace: str, value: Object) -> Object:
        """Create an object and return it as it became.

        Raises:
            StatusError: 400, 404, 409 or 422.
        """
        kind = self._catalog.named(resource)
        return _decoded(self._objects.create(kind, namespace, value, manager=_MANAGER))

    def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Apply a JSON merge patch and return the object as it became.

        Raises:
            StatusError: 400, 404 or 409.
        """
        kind = self._catalog.named(resource)
        return _decoded(self._objects.patch(kind, namespace, name, patch))

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object.

        Raises:
            StatusError: 404.
        """
        self._objects.delete(self._catalog.named(resource), namespace, name)

    def history(self, resource: str) -> Sequence[Record]:
        """Return every write since the start, compacted ones included."""
        return self.storage.ledger(self._catalog.named(resource).table)

    def compact(self, revision: int | None = None) -> int:
        """Forget the history before a revision (``None``: the current); return it."""
        revision = self.storage.revision if revision is None else revision
        self.storage.compact(revision)
        return revision

    def rollback(self, revision: int) -> None:
        """Become what the server was at a revision, as after a restored backup."""
        self.storage.rollback(revision)
        self._objects.follow_definitions()
        self.faults.close_watches()

    def _expire(self) -> None:
        """Let Events expire, now and from time to time."""
        self.storage.expire()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._expiry_seconds, self._expire)


def _decoded(body: bytes) -> Object:
    """Return an object that was served."""
    value: Object = msgspec.json.decode(body)
    return value
