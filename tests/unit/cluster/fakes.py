"""A cluster in memory, with the methods of `ClusterClient` that a reflector uses.

It keeps time with the loop, so that hours pass at once under `looptime`. What it does
by itself is what kube-apiserver does for Events; the rest is told by `faults`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Literal

from bridge.cluster import Resource
from bridge.cluster.client import ListPage
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ExpiredError,
    FutureVersionError,
)


class FakeStream:
    """One open watch."""

    def __init__(self, cluster: "FakeCluster", version: int) -> None:
        self._cluster = cluster
        self._version = version
        self.ending: ClusterError | bytes | None = None
        self.initial: list[list[bytes] | ClusterError] = []
        self.is_closed = False

    async def read(self) -> list[bytes]:
        """Return what came; nothing: it ended."""
        await asyncio.sleep(0)
        if self.initial:
            part = self.initial.pop(0)
            if isinstance(part, ClusterError):
                raise part
            return part
        while True:
            if lines := self._cluster.lines_since(self._version):
                self._version = self._cluster.version
                return lines
            if isinstance(self.ending, ClusterError):
                raise self.ending
            if self.ending is not None:
                line, self.ending = self.ending, b""
                return line.splitlines()
            self._cluster.changed.clear()
            await self._cluster.changed.wait()


class FakeCluster:
    """The history of one resource; `faults` answers the next requests instead."""

    def __init__(self) -> None:
        self.version = 100
        self.oldest = 0
        self.cached_since = 0
        self.tells_oldest = True
        self.objects: dict[str, dict] = {}
        self.history: list[tuple[int, str, dict]] = []
        self.requests: list[str] = []
        self.faults: list[tuple[str, ClusterError | bytes]] = []
        self.streams: list[FakeStream] = []
        self.changed = asyncio.Event()
        self.page_size: int | None = None
        self.watch_list: Literal["streams", "refuses", "ignores"] = "streams"
        self.cuts: list[tuple[int, ClusterError]] = []
        self.held_back = 0.0

    def write(self, name: str, **fields: object) -> str:
        """Create or change an object; return its version."""
        self.version += 1
        kind = "MODIFIED" if name in self.objects else "ADDED"
        metadata = {"name": name, "namespace": "shop"}
        old = self.objects.get(name, {"metadata": {"uid": f"u{self.version}"}})
        metadata["uid"] = old["metadata"]["uid"]
        metadata["resourceVersion"] = str(self.version)
        self.objects = {**self.objects, name: {"metadata": metadata, **fields}}
        self.history.append((self.version, kind, self.objects[name]))
        self.changed.set()
        return str(self.version)

    def delete(self, name: str) -> str:
        """Delete an object; return the version of that."""
        self.version += 1
        last = self.objects[name]
        metadata = last["metadata"] | {"resourceVersion": str(self.version)}
        self.objects = {n: one for n, one in self.objects.items() if n != name}
        self.history.append((self.version, "DELETED", last | {"metadata": metadata}))
        self.changed.set()
        return str(self.version)

    def age(self, versions: int = 1) -> str:
        """Let other resources change; return the version after that."""
        self.version += versions
        return str(self.version)

    def compact(self, version: str | None = None) -> None:
        """Forget what was before a version; None: before the newest."""
        self.oldest = int(version or self.version)

    def restart(self) -> None:
        """Forget in the watch cache what the history still holds."""
        self.cached_since = self.version

    def roll_back(self, version: str) -> None:
        """Be as it was, and cut the watches."""
        self.version = int(version)
        self.history = [one for one in self.history if one[0] <= self.version]
        self.objects = self._state(self.version)

    def fail(self, word: str, *answers: ClusterError | bytes) -> None:
        """Answer the next requests with a word in them so; a watch may get lines."""
        self.faults += [(word, answer) for answer in answers]

    def asked(self, word: str) -> int:
        """Return how many requests had a word in them."""
        return sum(word in request for request in self.requests)

    def end(self, ending: ClusterError | bytes = b"") -> None:
        """End the watch that is open: in good order, with a line, or by an error."""
        self.streams[-1].ending = ending
        self.changed.set()

    def end_all(self, ending: ClusterError) -> None:
        """End every watch by an error."""
        for stream in self.streams:
            stream.ending = ending
        self.changed.set()

    def lines_since(self, version: int) -> list[bytes]:
        """Return the watch lines of everything after a version."""
        return [
            json.dumps({"type": kind, "object": one}).encode()
            for at, kind, one in self.history
            if at > version
        ]

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        limit: int = 500,
        continue_token: str = "",
        resource_version: str = "",
        match: str = "",
        field_selector: str = "",
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """List as kube-apiserver does, sorted by name."""
        token = f"after {continue_token}" if continue_token else ""
        await asyncio.sleep(0)  # nothing that asks a server comes back at once
        asked = f"list {limit} {match}{resource_version} {token}{field_selector}"
        self._record(asked.strip())
        at, _, after = continue_token.partition("/")
        version = int(at or resource_version or self.version)
        self._check(version)
        state = self._state(version)
        size = limit if limit == 1 else self.page_size or limit
        _, _, only = field_selector.partition("metadata.name=")
        names = [n for n in sorted(state) if n > after and only in {"", n}]
        chosen = list(islice(names, size))
        return ListPage(
            items=[json.dumps(state[name]).encode() for name in chosen],
            resource_version=str(version),
            continue_token=f"{version}/{chosen[-1]}" if len(names) > size else "",
        )

    @asynccontextmanager
    async def watch(
        self, resource: Resource, *, resource_version: str, **options: object
    ) -> AsyncIterator[FakeStream]:
        """Open a watch; it says 410 by itself where the history is gone."""
        initial = options.get("initial")
        line = self._record("watch initial" if initial else f"watch {resource_version}")
        stream = FakeStream(self, int(resource_version or self.version))
        if initial:
            await asyncio.sleep(self.held_back)
            stream.initial = [] if line is not None else self._initial()
        if line is not None:
            stream.ending, stream._version = line, self.version
        elif stream._version < self.cached_since and self.tells_oldest:
            stream.ending, stream._version = (
                too_old(stream._version, self.cached_since),
                self.version,
            )
        elif stream._version < max(self.oldest, self.cached_since):
            stream.ending, stream._version = EXPIRED_LINE, self.version
        self.streams.append(stream)
        try:
            yield stream
        finally:
            stream.is_closed = True

    def _initial(self) -> list[list[bytes] | ClusterError]:
        """Return the reads of a burst; `cuts` say after how many it breaks off."""
        if self.watch_list == "refuses":
            raise ApiStatusError("sendInitialEvents is forbidden", status=422)
        state = self._state(self.version)
        lines = [added(state[name]) for name in sorted(state)]
        size = self.page_size or 500
        reads = [lines[start : start + size] for start in range(0, len(lines), size)]
        if self.watch_list == "streams":
            reads.append([bookmark(self.version, ends_initial=True)])
        if self.cuts:
            after, cut = self.cuts.pop(0)
            return [*reads[:after], cut]
        return [*reads]

    def _record(self, request: str) -> bytes | None:
        self.requests.append(request)
        for position, (word, answer) in enumerate(self.faults):
            if word in request:
                del self.faults[position]
                if isinstance(answer, ClusterError):
                    raise answer
                return answer
        return None

    def _check(self, version: int) -> None:
        if version < self.oldest:
            raise ExpiredError("too old", status=410)
        if version > self.version:
            raise FutureVersionError("too large", status=504)

    def _state(self, version: int) -> dict[str, dict]:
        state: dict[str, dict] = {}
        for at, kind, one in self.history:
            if at <= version:
                state[one["metadata"]["name"]] = one
            if at <= version and kind == "DELETED":
                del state[one["metadata"]["name"]]
        return state


def added(value: dict) -> bytes:
    """A line that brings an object."""
    return json.dumps({"type": "ADDED", "object": value}).encode()


def bookmark(version: int, *, ends_initial: bool = False) -> bytes:
    """A line that brings a bookmark."""
    metadata: dict = {"resourceVersion": str(version)}
    if ends_initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    value = {"type": "BOOKMARK", "object": {"metadata": metadata}}
    return json.dumps(value).encode()


def too_old(version: int, oldest: int) -> bytes:
    """A line that says where a watch cache begins, as kube-apiserver writes it."""
    message = f"too old resource version: {version} ({oldest})"
    status = {"code": 410, "reason": "Expired", "message": message}
    return json.dumps({"type": "ERROR", "object": status}).encode()


EXPIRED_LINE = b'{"type":"ERROR","object":{"code":410,"reason":"Expired"}}'
