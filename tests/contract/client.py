"""A client of an API server that hides nothing: statuses, lines, ends of streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.contract.samples import event

MERGE_PATCH = "application/merge-patch+json"
INITIAL = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
"""The query of a watch that begins with the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, read to its end."""

    status: int
    content_type: str
    text: str

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.text)

    @property
    def names(self) -> list[str]:
        """The names of the items of a list."""
        return [item["metadata"]["name"] for item in self.json["items"]]

    @property
    def causes(self) -> set[str]:
        """The fields that a Status complains about."""
        return {cause["field"] for cause in self.json["details"]["causes"]}


class Stream:
    """The lines of one watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Read from an open response."""
        self._content = response.content

    async def next(self) -> dict[str, Any]:
        """Return the next line; fail if the stream ends first."""
        line = await self._content.readline()
        assert line, "the stream ended"
        return json.loads(line)

    async def take(self, count: int) -> list[dict[str, Any]]:
        """Return the next lines."""
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[dict[str, Any]]:
        """Return all lines up to the end of the stream."""
        return [json.loads(line) async for line in self._content]


@dataclass(slots=True, kw_only=True)
class Client:
    """An API server and a namespace on it that nobody else uses."""

    http: aiohttp.ClientSession
    compact: Callable[[int], Awaitable[None]]
    namespace: str
    authorization: dict[str, str]

    def path(self, resource: str = "v1/events", name: str = "") -> str:
        """Return the path of a collection, or of an object, in the namespace."""
        version, _, plural = resource.rpartition("/")
        root = "/apis" if "/" in version else "/api"
        path = f"{root}/{version}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "*/*",
        **query: Any,
    ) -> Answer:
        """Send a request; ``body`` is sent as JSON unless it is bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        async with self.http.request(
            method,
            path,
            data=data,
            params={name: str(value) for name, value in query.items()},
            headers={
                "Content-Type": content_type,
                "Accept": accept,
                **self.authorization,
            },
        ) as response:
            text = await response.text()
            return Answer(
                status=response.status, content_type=response.content_type, text=text
            )

    async def call_until(self, status: int, method: str, path: str) -> Answer:
        """Send a request again and again until it is answered by this status."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.call(method, path)
                if answer.status == status:
                    return answer
                await asyncio.sleep(0.05)

    async def create(self, resource: str, value: dict[str, Any]) -> dict[str, Any]:
        """Create an object in the namespace and return it."""
        answer = await self.call("POST", self.path(resource), value)
        assert answer.status == 201, answer.text
        return answer.json

    async def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """Create a Kubernetes Event and return it."""
        return await self.create("v1/events", event(self.namespace, name, **fields))

    async def events(self, *names: str) -> list[dict[str, Any]]:
        """Create Kubernetes Events and return them."""
        return [await self.event(name) for name in names]

    async def patch(self, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Merge into a Kubernetes Event and return it."""
        path = self.path("v1/events", name)
        answer = await self.call("PATCH", path, patch, content_type=MERGE_PATCH)
        assert answer.status == 200, answer.text
        return answer.json

    async def delete(self, name: str) -> None:
        """Delete a Kubernetes Event."""
        answer = await self.call("DELETE", self.path("v1/events", name))
        assert answer.status == 200, answer.text

    async def revision(self) -> int:
        """Return the current revision."""
        answer = await self.call("GET", self.path(), limit=1)
        return int(answer.json["metadata"]["resourceVersion"])

    @asynccontextmanager
    async def watch(
        self, path: str = "", *, accept: str = "*/*", **query: Any
    ) -> AsyncIterator[Stream]:
        """Watch a collection, Events in the namespace if no path is given."""
        params = {"watch": "true", "timeoutSeconds": "60"}
        async with self.http.get(
            path or self.path(),
            params=params | {name: str(value) for name, value in query.items()},
            headers={"Accept": accept, **self.authorization},
        ) as response:
            assert response.status == 200, await response.text()
            try:
                async with asyncio.timeout(60):
                    yield Stream(response)
            finally:
                _abort(response)


def _abort(response: aiohttp.ClientResponse) -> None:
    """Break a connection: TLS would say goodbye for longer than the loop lives."""
    if response.connection and response.connection.transport:
        response.connection.transport.abort()


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def revision_of(value: dict[str, Any]) -> int:
    """Return the resourceVersion of an object or a list as a number."""
    return int(value["metadata"]["resourceVersion"])


def gist(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return type and name of each line of a watch."""
    return [(line["type"], line["object"]["metadata"]["name"]) for line in lines]


def types(lines: list[dict[str, Any]]) -> list[str]:
    """Return the type of each line of a watch."""
    return [line["type"] for line in lines]
