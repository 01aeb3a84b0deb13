"""A watch: the initial events, then each change as it happens.

A watch has no queue. It reads the history from where it stands, so a slow reader costs
nothing and holds nobody up, as with etcd.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import islice

import msgspec

from bridge.demo.apiserver.listing import too_large
from bridge.demo.apiserver.resources import EVENTS, ServedResource
from bridge.demo.apiserver.routing import Options
from bridge.demo.apiserver.selectors import Selector
from bridge.demo.apiserver.status import StatusError
from bridge.demo.apiserver.storage import Change, CompactedError, ObjectStorage, Record
from bridge.demo.apiserver.wire import bookmark_line, error_line, watch_line

_CHUNK = 500
"""How many lines are written at once."""

_LEAD_SECONDS = 2.0
"""How long before its end a watch gets a last bookmark."""


class OpenWatch:
    """The stream that a client reads from a watch.

    Attributes:
        resource: what is watched.
        is_open: ``False`` ends the watch.
    """

    def __init__(
        self,
        *,
        storage: ObjectStorage,
        resource: ServedResource,
        prefix: str,
        options: Options,
        chooses: Selector | None,
        shown: ServedResource,
        render: Callable[[bytes], bytes],
        is_served: Callable[[], bool],
        bookmark_seconds: float,
    ) -> None:
        """Begin to watch the keys under ``prefix``.

        Args:
            storage: where the objects lie.
            resource: what they are.
            prefix: the beginning of their keys.
            options: what the client asked for.
            chooses: the selector, if there is one.
            shown: what they are to the client.
            render: makes a stored body what the client is to see.
            is_served: tells whether the resource is still there.
            bookmark_seconds: the time between two bookmarks.
        """
        self.resource = resource
        self.is_open = True
        self._storage = storage
        self._prefix = prefix
        self._options = options
        self._chooses = chooses
        self._shown = shown
        self._render = render
        self._is_served = is_served
        self._bookmark_seconds = bookmark_seconds
        self._deadline = time.monotonic() + (
            # Like a real server; nothing secret is drawn here.
            options.timeout_seconds or random.randint(1800, 3600)  # noqa: S311
        )
        self._bookmark_due = self._next_bookmark()
        self._compacted = storage.compacted
        self._position = options.resource_version or storage.revision

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what is to be written, until the watch ends."""
        try:
            for chunk in self._initial():
                yield chunk
            while self.is_open:
                changed = self._storage.changed
                if chunk := self._news() or self._bookmark():
                    yield chunk
                elif self._is_over():
                    return
                else:
                    await self._wait(changed)
        except CompactedError:
            text = "The resourceVersion for the provided watch is too old."
            yield error_line(StatusError(410, text))
        except StatusError as error:
            yield error_line(error)

    def _is_over(self) -> bool:
        """Return whether nothing more is to come."""
        return time.monotonic() >= self._deadline or not self._is_served()

    async def _wait(self, changed: asyncio.Event) -> None:
        """Return when something was written, or it is time for something else."""
        until = min(self._bookmark_due, self._deadline)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await changed.wait()

    def _initial(self) -> Iterator[bytes]:
        """Yield the state at the beginning as ADDED in the order of the keys."""
        wanted = self._options.resource_version
        asked = self._options.send_initial_events
        if not (asked or (asked is None and not wanted)):
            return
        if wanted > self._storage.revision:
            raise too_large(wanted, self._storage.revision)
        self._position = self._storage.revision
        start = ""
        while records := self._state(start):
            lines = (self._choice_line(record) for record in records)
            yield b"".join(lines)
            start = records[-1].key + "\0"
        if self._options.bookmarks:
            yield bookmark_line(self._shown, self._position, initial=True)

    def _state(self, start: str) -> list[Record]:
        """Return some of the state at the beginning, from a key on."""
        records = self._storage.page(
            self.resource.table,
            prefix=self._prefix,
            start=start,
            revision=self._position,
        )
        return list(islice(records, _CHUNK))

    def _choice_line(self, record: Record) -> bytes:
        """Return the ADDED line of an object that was there, if it is chosen."""
        if self._chooses and not self._chooses(record.body):
            return b""
        return watch_line("ADDED", self._render(record.body))

    def _news(self) -> bytes:
        """Return the next lines, nothing if there are none, and move on."""
        lines = b""
        while not lines and self._position < self._storage.revision:
            lines = b"".join(self._line(record) for record in self._advance())
        return lines

    def _advance(self) -> Sequence[Record]:
        """Return some of the next writes, and move on."""
        records = self._storage.changes(
            self.resource.table, after=self._position, limit=_CHUNK
        )
        # Being up to date, it does not mind what is compacted from now on.
        is_all = len(records) < _CHUNK
        self._position = self._storage.revision if is_all else records[-1].revision
        return records

    def _line(self, record: Record) -> bytes:
        """Return the line of one change; nothing if it is not chosen."""
        if not record.key.startswith(self._prefix):
            return b""
        if record.revision == self._compacted and record.change != "ADDED":
            # Seen on kube-apiserver 1.36 with a watch from one before the compacted
            # revision: etcd has the write, but not what was there before it.
            text = "Internal error occurred: etcd event received with PrevKv=nil"
            raise StatusError(500, text)
        change, body = self._seen(record)
        return watch_line(change, self._render(body)) if change else b""

    def _seen(self, record: Record) -> tuple[Change | None, bytes]:
        """Return a change as a selector shows it: entering and leaving its choice."""
        if self._chooses is None:
            return record.change, record.body
        was = record.previous is not None and self._chooses(record.previous)
        is_now = record.change != "DELETED" and self._chooses(record.body)
        match was, is_now:
            case False, True:
                return "ADDED", record.body
            case True, True:
                return "MODIFIED", record.body
            case True, False:
                return "DELETED", _stamped(record)
            case _:
                return None, b""

    def _bookmark(self) -> bytes:
        """Return a bookmark if it is time for one."""
        if time.monotonic() < self._bookmark_due:
            return b""
        self._bookmark_due = self._next_bookmark()
        # Events have no watch cache in a real server, and so no periodic bookmarks.
        if not self._options.bookmarks or self.resource.table == EVENTS:
            return b""
        return bookmark_line(self._shown, self._position, initial=False)

    def _next_bookmark(self) -> float:
        """Return when the next bookmark is due."""
        now = time.monotonic()
        before_end = self._deadline - _LEAD_SECONDS
        regular = now + self._bookmark_seconds
        return min(regular, before_end) if before_end > now else regular


def _stamped(record: Record) -> bytes:
    """Return what was there before a write, with the revision of that write."""
    previous = msgspec.json.decode(record.previous or b"{}")
    previous["metadata"]["resourceVersion"] = str(record.revision)
    return msgspec.json.encode(previous)
