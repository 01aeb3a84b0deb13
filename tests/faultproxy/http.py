"""Faults in HTTP: what proxies, load balancers and API servers in trouble answer."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.faultproxy.faults import Cut, Fault, Hold, Inject, Reply, Strip
from tests.faultproxy.requests import Kind, Request, count, read_request
from tests.faultproxy.thread import LoopThread
from tests.faultproxy.wire import (
    Head,
    chunk,
    encode_reply,
    read_body,
    read_chunks,
    read_head,
)

HOST = "127.0.0.1"
_BLOCK = 65_536


@dataclass(slots=True, kw_only=True, eq=False)
class _Rule:
    """Which requests meet a fault, and how many of them still do; None: all."""

    fault: Fault
    kinds: frozenset[Kind]
    plural: str
    left: int | None

    def meets(self, request: Request) -> bool:
        """Return whether it is for this request, which then is one of those left."""
        if self.left == 0 or (self.kinds and request.kind not in self.kinds):
            return False
        if self.plural and request.plural != self.plural:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class HttpProxy:
    """Ends TLS, counts requests and forwards them, badly if told to; `with` runs it.

    The client's own Authorization goes to the API server. Each connection carries one
    request. All its methods may be called from the test's own thread.

    Attributes:
        port: Where it listens.
        requests: Each request so far, in order.
        open_requests: Those that are being answered, watches among them.
    """

    def __init__(
        self, target_port: int, *, certificate: Path, key: Path, trusted: Path
    ) -> None:
        """Name the API server; nothing listens yet.

        Args:
            target_port: Of the API server, on loopback.
            certificate: Shown to clients; must be valid for 127.0.0.1.
            key: Of that certificate.
            trusted: Whose certificates the API server may show.
        """
        self.port = 0
        self.requests: list[Request] = []
        self.open_requests: list[Request] = []
        self._target = target_port
        self._server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server_tls.load_cert_chain(certificate, key)
        self._client_tls = ssl.create_default_context(cafile=trusted)
        self._rules: list[_Rule] = []
        self._thread = LoopThread("http fault proxy")
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where the API server seems to be."""
        return f"https://{HOST}:{self.port}"

    def fault(
        self,
        fault: Fault,
        *,
        kinds: Iterable[Kind] = (),
        plural: str = "",
        times: int | None = None,
    ) -> None:
        """Do this to requests to come; the first rule that is for one has it.

        Args:
            fault: What is done.
            kinds: To which requests; none: to all.
            plural: To those for this collection; empty: for any.
            times: To so many of them; None: until `heal`.
        """
        rule = _Rule(fault=fault, kinds=frozenset(kinds), plural=plural, left=times)
        self._rules.append(rule)

    def heal(self) -> None:
        """Forward faithfully again whatever comes from now on."""
        self._rules.clear()

    def cut_all(self) -> None:
        """End each connection at once."""
        self._thread.run(self._cut_all())

    def count(self, *, plural: str = "", since: int = 0) -> Counter[Kind]:
        """Return how many requests there were of each kind.

        Args:
            plural: Only those for this collection; empty: for any.
            since: Only those after so many, i.e. what `len(requests)` was.
        """
        found = self.requests[since:]
        return count(one for one in found if plural in {"", one.plural})

    def __enter__(self) -> Self:
        self._thread.__enter__()
        self._thread.run(self._listen())
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.run(self._stop())
        self._thread.__exit__(*error)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, HOST, self.port, ssl=self._server_tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut_all()

    async def _cut_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers.add(writer)
        try:
            await self._serve(reader, writer)
            writer.close()
        except* (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._writers.discard(writer)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await read_head(reader)
        body = await read_body(reader, head)
        method, target, _ = head.first.split(" ")
        request = read_request(method, target)
        self.requests.append(request)
        self.open_requests.append(request)
        try:
            await self._while_there(
                reader, writer, self._answer(head, body, self._fault(request), writer)
            )
        finally:
            self.open_requests.remove(request)

    def _fault(self, request: Request) -> Fault | None:
        return next((rule.fault for rule in self._rules if rule.meets(request)), None)

    async def _while_there(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        work: Coroutine[Any, Any, None],
    ) -> None:
        """Answer, unless the client goes away before."""
        async with asyncio.TaskGroup() as tasks:
            answer = tasks.create_task(work, name="answer")
            gone = tasks.create_task(reader.read(), name="wait for the client's end")
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            answer.cancel()
            gone.cancel()
        if answer.cancelled():
            writer.transport.abort()

    async def _answer(
        self,
        head: Head,
        body: bytes,
        fault: Fault | None,
        writer: asyncio.StreamWriter,
    ) -> None:
        if isinstance(fault, Reply):
            writer.write(encode_reply(fault))
            await writer.drain()
            if not fault.is_ended:
                await asyncio.Event().wait()
            return
        reader, upstream = await asyncio.open_connection(
            HOST, self._target, ssl=self._client_tls
        )
        self._writers.add(upstream)
        try:
            head = without(head, fault.parameter) if isinstance(fault, Strip) else head
            upstream.write(head.encode(host=f"{HOST}:{self._target}") + body)
            await upstream.drain()
            await relay(reader, writer, fault)
        finally:
            self._writers.discard(upstream)
            upstream.transport.abort()


def without(head: Head, parameter: str) -> Head:
    """Return the head of the same request less a parameter of its query."""
    method, target, version = head.first.split(" ")
    parts = urlsplit(target)
    pairs = [
        pair
        for pair in parse_qsl(parts.query, keep_blank_values=True)
        if pair[0] != parameter
    ]
    target = parts._replace(query=urlencode(pairs)).geturl()
    return Head(first=f"{method} {target} {version}", headers=head.headers)


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None
) -> None:
    """Give a client the server's answer, as far as a fault lets it through."""
    if isinstance(fault, Hold):
        await asyncio.sleep(fault.seconds)
    head = await read_head(reader)
    writer.write(head.encode())
    if isinstance(fault, Inject) and head.is_chunked:
        await _relay_lines(reader, writer, fault)
        return
    left = fault.after if isinstance(fault, Cut) else None
    while left != 0 and (block := await reader.read(_BLOCK)):
        if left is not None:
            block = block[:left]
            left -= len(block)
        writer.write(block)
        await writer.drain()
    if left == 0:
        raise ConnectionResetError("cut as told")


async def _relay_lines(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Inject
) -> None:
    """Relay chunks, with lines put in where as many of the server's have ended."""
    ours = chunk(b"".join(line + b"\n" for line in fault.lines))
    seen, is_due = 0, True
    async for block in _with_start(read_chunks(reader)):
        writer.write(chunk(block) if block else b"")
        seen += block.count(b"\n")
        if is_due and seen >= fault.after and block[-1:] in {b"", b"\n"}:
            writer.write(ours)
            is_due = False
            if fault.is_ended:
                break
        await writer.drain()
    writer.write(chunk(b""))


async def _with_start(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b""
    async for block in blocks:
        yield block
