"""The API: no request is answered by 500, ends the process or shuts its port."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bridge.api import connections
from bridge.api.server import bind, serving
from bridge.config import find_problems
from bridge.config.parts import find_unusable
from tests.fuzz.campaign import Finding
from tests.unit.api.world import SCOPE_ID, TOKEN, World, _api, open_world

HASTE: Mapping[connections.Awaited, float] = {
    "head": 0.05,
    "body": 0.05,
    "reader": 1.0,
    "end": 0.05,
}
"""Deadlines, in seconds: most inputs are half a request."""

_SERVER_ERROR = re.compile(rb"HTTP/1\.1 500 ")
_EXPECTED = ("Invalid HTTP request", "Unsupported upgrade", "No supported WebSocket")
_FILLED = {
    "name": "hook",
    "sink": "hook",
    "key": "k3y",
    "handle": "1",
    "id": SCOPE_ID,
}
"""What stands for a part of a path."""


class Complaints(logging.Handler):
    """What libraries say went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line, unless anybody may cause it."""
        text = record.getMessage().strip()
        if not text.startswith(_EXPECTED):
            error = record.exc_info[1] if record.exc_info else None
            self.said.append(f"{text} {type(error).__name__}: {error}")


class ApiRun:
    """Sends bytes to the port, and asks how it is."""

    def __init__(self, place: tuple[str, int], complaints: Complaints) -> None:
        self._place, self._complaints = place, complaints

    async def try_one(self, data: bytes) -> None:
        """See `Run`."""
        self._complaints.said.clear()
        answer = await self._ask(data)
        alive = await self._ask(b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n")
        for complaint in self._complaints.said:
            raise Finding(complaint)
        if _SERVER_ERROR.search(answer):
            raise Finding(f"answered 500: {answer[:200]!r}")
        if b" 200 OK" not in alive and b" 400 " not in alive:
            raise Finding(f"not alive: {alive[:200]!r}")

    async def _ask(self, data: bytes) -> bytes:
        """Return all that is answered until the connection is closed."""
        answer = b""
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(*self._place)
            with suppress(ConnectionError):
                writer.write(data)
                await writer.drain()
                while piece := await reader.read(2**16):
                    answer += piece
            writer.close()
        return answer


class ApiTarget:
    """Requests, one for each operation of the API's own description."""

    name = "api"
    at_once = 1
    words: Sequence[bytes] = (
        *(
            b"GET ",
            b"POST ",
            b"HEAD ",
            b"OPTIONS ",
            b"PATCH ",
            b" HTTP/1.1\r\n",
            b"\r\n",
        ),
        *(b"?limit=0", b"?limit=501", b"?after=%00", b"?since=2026-02-30T00:00:00Z"),
        *(
            b"?sink=hook&state=dead",
            b"%2e%2e/",
            b"%ff",
            b"&filter={}",
            b"&limit=" + b"9" * 400,
        ),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        *(b"Origin: null\r\n", b"Host: \r\n", b"Expect: 100-continue\r\n", b"\r\n\r\n"),
        *(
            b"Authorization: Bearer \r\n",
            b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        ),
    )

    def seeds(self) -> Mapping[str, bytes]:
        """See `Target`."""
        return SEEDS

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[ApiRun]:
        """See `Target`."""
        async with open_world(folder / "queue.db") as world:
            await _fill(world)
            api = world.build_api(token=TOKEN)
            api.state.parts = replace(
                api.state.parts,
                check_config=lambda text: find_problems(
                    text, name="body", env={}, check=find_unusable
                ),
            )
            listener = bind("127.0.0.1", 0)
            place = listener.getsockname()
            with _hurried(), _listened_to() as complaints:
                async with serving(api, listener, metrics=world.metrics):
                    yield ApiRun(place, complaints)


async def _fill(world: World) -> None:
    await world.store("a", "b")
    await world.deliver()
    await world.store("c")
    await world.give_up()
    await world.reject(b"\xff{")
    await world.store("d", sinks=("hook", "spare"))
    await world.fail()


@contextmanager
def _hurried() -> Iterator[None]:
    with patch.dict(connections.SECONDS, HASTE):
        yield


@contextmanager
def _listened_to() -> Iterator[Complaints]:
    complaints = Complaints()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(complaints)
    try:
        yield complaints
    finally:
        for logger in loggers:
            logger.removeHandler(complaints)


def _requests(description: Mapping[str, Any]) -> dict[str, bytes]:
    """Return a request for each operation, with values for all that it takes."""
    return {
        operation["operationId"]: _request(description, method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if not path.endswith("/test")  # which waits for an attempt
    }


def _request(
    description: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> bytes:
    for name, value in _FILLED.items():
        path = re.sub(rf"\{{{name}\}}", value, path)
    path = re.sub(r"\{[^}]+\}", "1", path)
    query = "&".join(
        f"{one['name']}={_value(description, one['schema'])}"
        for one in operation.get("parameters", ())
        if one["in"] == "query"
    )
    head = f"{method.upper()} {path}?{query} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n"
    [media, content] = next(
        iter(operation.get("requestBody", {}).get("content", {}).items()), ("", {})
    )
    if not media:
        return f"{head}\r\n".encode()
    value = _value(description, content["schema"])
    body = (value if isinstance(value, str) else json.dumps(value)).encode()
    head += f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _value(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """Return a value that fits a schema, more or less."""
    if "$ref" in schema:
        found: Any = description
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _value(description, found)
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return _value(description, choices[0])
    if "properties" in schema:
        members = schema["properties"].items()
        return {name: _value(description, one) for name, one in members}
    if "items" in schema:
        return [_value(description, schema["items"])]
    plain = {"integer": 1, "number": 1, "boolean": True, "object": {}, "array": []}
    usual = plain.get(schema.get("type", ""), "1")
    return schema.get("const", (schema.get("enum") or [usual])[0])


SEEDS = _requests(_api(token=TOKEN, loopback=True).openapi())
