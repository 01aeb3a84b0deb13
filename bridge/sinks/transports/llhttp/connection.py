"""A connection to a sink: a request, its answer, the next request."""

import asyncio
from collections.abc import Callable
from typing import cast

import httpx

from bridge.sinks.transports import MOST_READ_BYTES, IdleWatch
from bridge.sinks.transports.errors import (
    LOST,
    CutAnswerError,
    TlsError,
    fresh,
    tls_fault,
)
from bridge.sinks.transports.llhttp.answer import ResponseReader


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time.

    Attributes:
        answer: The answer to the last request, as far as it was read.
        loop: The loop that it lives in.
        idle_since: When it was last put aside, in loop time.
    """

    def __init__(self, origin: str, on_lost: Callable[["Connection"], None]) -> None:
        """Wait to be connected.

        Args:
            origin: Where to, for messages.
            on_lost: Called once it is gone.
        """
        self._origin = origin
        self._on_lost = on_lost
        # Asked for once: each time costs a system call (getpid, in CPython 3.11).
        self.loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._watch: IdleWatch
        self._fault: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_asked = False
        self.answer = ResponseReader()
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a request could be written, as far as is known."""
        return self._fault is None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow: exactly one answer came, to all of it."""
        return (
            self.answer.is_complete
            and not self.answer.is_last
            and self.is_open
            # A sink that answers early may not read the rest of the request.
            and not self._transport.get_write_buffer_size()
        )

    @property
    def is_quiet(self) -> bool:
        """Whether it can be used again: nothing came since, not its end either.

        What the loop has not read yet counts: it would be taken for the answer to the
        next request.
        """
        return self.is_open and not self._watch.is_disturbed()

    def ask(self, request: bytes, *, is_bodiless: bool = False) -> asyncio.Future[None]:
        """Write a request; return what is done when enough of the answer came.

        Args:
            request: Head and body.
            is_bodiless: See `ResponseReader.begin`.
        """
        self.answer.begin(is_bodiless=is_bodiless)
        self._is_asked = True
        if self.is_open:
            self._transport.write(request)
        waiter: asyncio.Future[None] = self.loop.create_future()
        if self._fault is None:
            self._waiter = waiter
        else:
            waiter.set_exception(fresh(self._fault))
        return waiter

    def rest(self, now: float) -> None:
        """Be idle until the next request."""
        self._is_asked = False
        self._waiter = None
        self.idle_since = now

    def close(self) -> None:
        """Close after what was written is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # The methods from here on are called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._watch = IdleWatch(transport.get_extra_info("socket").fileno())

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._is_asked:
            self._fail(
                httpx.RemoteProtocolError("not HTTP: an answer before a request")
            )
            return
        answer = self.answer
        try:
            answer.feed(data)
        except httpx.RemoteProtocolError as error:
            self._fail(error)
            return
        if answer.is_complete or (
            answer.has_head and answer.received_bytes >= MOST_READ_BYTES
        ):
            self._wake()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        self.answer.end()
        if self.answer.is_complete:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if exc is None:
            self.eof_received()
        self._fail(_lost(exc, self.answer, self._origin))
        self._on_lost(self)

    def _wake(self) -> None:
        if not self.answer.is_complete:
            # It is cut off before it is used again: what is unread stays bounded.
            self._transport.pause_reading()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, fault: httpx.TransportError) -> None:
        self._fault = self._fault or fault
        # Neither the waiter nor its error is kept: the waiting frame has this
        # connection, and they would keep each other.
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(fresh(self._fault))
        self.abort()


def _lost(
    error: Exception | None, answer: ResponseReader, origin: str
) -> httpx.TransportError:
    """Return the error of a connection that is gone.

    Args:
        error: As asyncio reports; None: the peer closed it in order.
        answer: How far its answer came.
        origin: Where it led to.
    """
    if answer.has_head:
        return CutAnswerError("answer cut short within its body")
    if answer.has_begun:
        return CutAnswerError("answer cut short within its head")
    tls = tls_fault(error)
    if tls is not None:
        # In TLS 1.3 a server refuses our certificate after the handshake.
        return TlsError(f"TLS with {origin} failed: {tls}")
    return httpx.ReadError(LOST)
