"""Lines of a watch: each is a change, a bookmark, nothing, or an error with a name."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from bridge.cluster import Change, Resource
from bridge.cluster.changes import read_line
from bridge.cluster.requests import LineSplitter
from bridge.cluster.store import MetadataFilter
from bridge.errors import ClusterError, ConversionError
from bridge.events.compare import differences
from bridge.events.convert import convert
from bridge.events.encode import binary, encode
from bridge.events.validation import NOT_JSON
from bridge.sinks.http.size_limit import shrink
from tests.fuzz.campaign import Finding
from tests.unit.events.samples import PROD, RECORDED, RECORDED_TIME, RESOURCES

SECRETS = Resource(group="", version="v1", plural="secrets", kind="Secret")
KINDS = (*RESOURCES.values(), SECRETS)


class WatchRun:
    """Reads lines of each kind, and writes events of them."""

    async def try_one(self, data: bytes) -> None:
        """See `Run`."""
        for resource in KINDS:
            with suppress(ClusterError):
                self._read(data, resource)

    def _read(self, data: bytes, resource: Resource) -> None:
        previous: bytes | None = None
        for line in LineSplitter().feed(data + b"\n"):
            read_line(line, resource=resource)
            change = read_line(line, resource=resource, keeps=MetadataFilter())
            if isinstance(change, Change):
                self._write(change, previous)
                previous = change.object

    def _write(self, change: Change, previous: bytes | None) -> None:
        if previous is not None:
            with suppress(*NOT_JSON):
                differences(previous, change.object)
        try:
            event = convert(change, origin=PROD, recorded=RECORDED_TIME)
        except ConversionError as error:
            if not str(error).isprintable():
                raise Finding(f"unprintable: {str(error)!r}") from error
            return
        encoded = encode(event)
        msgspec.json.decode(encoded.body)
        binary(encoded)
        small = shrink(event.data or b"", 512)
        if small is not None and len(small) > 512:
            raise Finding("trimmed to more than was asked for")
        for value in event.extensions.values():
            if isinstance(value, str) and not value.isprintable():
                raise Finding(f"unprintable attribute: {value!r}")


class WatchTarget:
    """Watches, from recorded ones."""

    name = "watch"
    at_once = 1
    words: Sequence[bytes] = (
        *(b"\n", b'"type":"ERROR"', b'"type":"BOOKMARK"', b'"resourceVersion":""'),
        *(b"null", b"{}", b"[]", b"\\ud800", b"\\u0000", b"\xff", b"1e999", b'"'),
    )

    def seeds(self) -> Mapping[str, bytes]:
        """See `Target`."""
        lines = {
            f"{file.stem}-{number}": line
            for file in sorted(RECORDED.glob("*.watch.jsonl"))
            for number, line in enumerate(file.read_bytes().splitlines())
        }
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "a"}
        secret = {
            "metadata": {"name": "s", "uid": "u", "resourceVersion": "1"},
            "data": {"password": "aHVzaA=="},
        }
        made = {"status": ("ERROR", status), "secret": ("ADDED", secret)}
        return lines | {
            name: json.dumps({"type": kind, "object": value}).encode()
            for name, (kind, value) in made.items()
        }

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[WatchRun]:
        """See `Target`."""
        yield WatchRun()
