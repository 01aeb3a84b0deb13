"""Send requests, read bodies within limits, and cut watches into lines."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from bridge.cluster.answers import status_error
from bridge.cluster.session.session import ApiSession, Session
from bridge.cluster.session.sockets import CONNECT_SECONDS, NETWORK_ERRORS, unreachable
from bridge.errors import UnauthorizedError, UnreachableError, UnreadableError

LINE_LIMIT_BYTES = 16 * 1024 * 1024
"""Ten times what etcd stores as one object: whatever is longer is not an object."""


class LineSplitter:
    """Cuts a stream at newlines and keeps the incomplete rest.

    The parts of a long line are joined once: adding each chunk to one buffer is
    quadratic, and aiohttp's own `readline` refuses lines above 4 MiB.
    """

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their newlines.

        Raises:
            UnreadableError: The line that has begun is longer than the limit.
        """
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        self._size_bytes += len(first)
        if self._size_bytes > LINE_LIMIT_BYTES:
            raise UnreadableError(
                f"watch: expected lines of at most {LINE_LIMIT_BYTES} bytes,"
                f" got {self._size_bytes} bytes without a newline"
            )
        if not others:
            return []
        lines = [b"".join(self._parts), *others]
        rest = lines.pop()
        self._parts = [rest]
        self._size_bytes = len(rest)
        return [line for line in lines if line]


_WHOLE = {
    "Accept": "application/json",
    # Compressed watches come as thousands of gzip members.
    "Accept-Encoding": "identity",
}


def _metadata(form: str) -> Mapping[str, str]:
    # What cannot be had as metadata comes whole.
    form = f"application/json;as={form};g=meta.k8s.io;v=v1"
    return _WHOLE | {"Accept": f"{form},application/json"}


ANSWER_BYTES = 64 * 1024 * 1024
"""Most bytes of an answer: a list that no page size makes smaller may be so large. An
object in etcd has 1.5 MB at most, unless etcd is told otherwise."""

STATUS_BYTES = 1024 * 1024
"""Most bytes that are read of an answer that is not 2xx."""

# A watch that asks for the form of lists is answered by 200 and stays empty for ever
# (seen on kube-apiserver 1.36.1).
_METADATA_LIST = _metadata("PartialObjectMetadataList")
_METADATA_WATCH = _metadata("PartialObjectMetadata")


class AnswerTooLargeError(UnreadableError):
    """An answer has more bytes than are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the API server.

    Attributes:
        doing: What errors call it, e.g. ``list events in all namespaces``.
        path: Path on the API server.
        params: Query; empty strings are left out.
        total_seconds: Deadline from sending to the end of the body.
        metadata_only: Whether the metadata of objects will do.
        method: What is done there.
        body: What is sent, as JSON; None: nothing.
        most_bytes: Most bytes of the answer; a watch has none.
    """

    doing: str
    path: str
    params: Mapping[str, str | int]
    total_seconds: float
    metadata_only: bool = False
    method: Literal["GET", "POST"] = "GET"
    body: Mapping[str, Any] | None = None
    most_bytes: int = ANSWER_BYTES


class LastAnswer:
    """Keeps when the API server last answered, to any request.

    Attributes:
        at: By the loop's clock.
    """

    def __init__(self) -> None:
        """Begin now."""
        self.note()

    def note(self) -> None:
        """Note that an answer, or a part of one, arrives now."""
        self.at = asyncio.get_running_loop().time()


class Exchange:
    """Sends requests with the credentials of the moment.

    Attributes:
        last_answer: Is updated with each answer.
    """

    def __init__(self, connection: ApiSession) -> None:
        """Use a connection; the caller closes it."""
        self.last_answer = LastAnswer()
        self._connection = connection

    async def open(self, request: Request) -> aiohttp.ClientResponse:
        """Return a 2xx JSON answer, its body unread; the caller closes it.

        Credentials that are refused are loaded again, and it is sent once more: what
        is answered by 401, or fails in the TLS handshake, was not carried out.
        """
        session = await self._connection.session()
        try:
            return await _send(session, request, self.last_answer)
        except UnauthorizedError:
            pass
        except UnreachableError as error:
            if error.phase != "tls":  # else the CA may have been replaced
                raise
        session = await self._connection.renewed(session)
        return await _send(session, request, self.last_answer)


async def _send(
    session: Session, request: Request, last_answer: LastAnswer
) -> aiohttp.ClientResponse:
    try:
        response: aiohttp.ClientResponse = await session.api.call_api(
            request.path,
            request.method,
            query_params=[(k, v) for k, v in request.params.items() if v != ""],
            header_params=dict(_accepts(request)),
            body=request.body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=aiohttp.ClientTimeout(
                total=request.total_seconds, sock_connect=CONNECT_SECONDS
            ),
        )
    except NETWORK_ERRORS as error:
        doing = f"{request.doing}: {session.api.configuration.host}"
        raise unreachable(error, doing=doing, phase="answer") from error
    if response.status < 500:  # else it may be a proxy that speaks
        last_answer.note()
    try:
        await _check(response, doing=request.doing)
    except BaseException:
        abandon(response)
        raise
    return response


def abandon(response: aiohttp.ClientResponse) -> None:
    """Close the connection at once, unless the answer was read to its end.

    Without saying goodbye: over TLS that takes up to 30 s where nobody answers.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


def _accepts(request: Request) -> Mapping[str, str]:
    if not request.metadata_only:
        return _WHOLE
    return _METADATA_WATCH if "watch" in request.params else _METADATA_LIST


async def _check(response: aiohttp.ClientResponse, *, doing: str) -> None:
    # kubernetes_asyncio 36.1.0 does not look at the status of a raw answer.
    if not 200 <= response.status < 300:
        raise status_error(
            await _read_status(response, doing=doing),
            doing=doing,
            status=response.status,
            retry_after=response.headers.get("Retry-After", ""),
        )
    if response.content_type != "application/json":
        raise UnreadableError(
            f"{doing}: expected application/json, got {response.content_type}"
        )
    # Never undone: some kB may become GB, and nobody asked for it.
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise UnreadableError(
            f"{doing}: expected no Content-Encoding, got {encoding[:64]!a}"
        )


async def _read_status(response: aiohttp.ClientResponse, *, doing: str) -> bytes:
    try:
        return await read_body(response, doing=doing, most_bytes=STATUS_BYTES)
    except AnswerTooLargeError:
        return b""  # what it says without a body is enough


async def read_body(
    response: aiohttp.ClientResponse, *, doing: str, most_bytes: int
) -> bytes:
    """Return the whole body.

    Raises:
        UnreachableError: The connection broke before its end.
        AnswerTooLargeError: It is longer than `most_bytes`.
    """
    parts: list[bytes] = []
    size = 0
    left = most_bytes - (response.content_length or 0)
    try:
        while left >= 0 and (chunk := await response.content.readany()):
            parts.append(chunk)
            size += len(chunk)
            left = most_bytes - size
    except NETWORK_ERRORS as error:
        raise unreachable(error, doing=doing, phase="answer") from error
    if left < 0:
        abandon(response)
        raise AnswerTooLargeError(
            f"{doing}: expected an answer of at most {most_bytes} bytes, got more"
        )
    return b"".join(parts)


class WatchStream:
    """An open watch; use it as `async with client.watch(...) as stream`."""

    def __init__(
        self, response: aiohttp.ClientResponse, *, doing: str, last_answer: LastAnswer
    ) -> None:
        """Read from a response whose status and content type were checked.

        Args:
            response: What is read.
            doing: What errors call it.
            last_answer: Is updated with each chunk.
        """
        self._last_answer = last_answer
        self._content = response.content
        self._splitter = LineSplitter()
        self._doing = doing

    async def read(self) -> list[bytes]:
        """Return the complete lines that have come; empty: the server ended it.

        A line that is cut off at the end is dropped: it comes again. Cancelling this
        loses nothing: the next call goes on where this one was.

        Raises:
            UnreachableError: The connection broke, or it outlived its deadline.
            UnreadableError: A line exceeds 16 MiB.
        """
        lines: list[bytes] = []
        while not lines:
            try:
                chunk = await self._content.readany()
            except NETWORK_ERRORS as error:
                raise unreachable(error, doing=self._doing, phase="stream") from error
            self._last_answer.note()
            if not chunk:
                break
            lines = self._splitter.feed(chunk)
        return lines
