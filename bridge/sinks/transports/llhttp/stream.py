"""An answer whose body is read as it comes, for httpx's contract."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import httpx

from bridge.sinks.transports.llhttp.connection import Connection


def late(seconds: float) -> httpx.ReadTimeout:
    """Return the error of an attempt that took longer than so many seconds."""
    return httpx.ReadTimeout(f"no complete answer within {seconds:g} s")


class ReadTimeouts:
    """How long the parts of one request may take."""

    def __init__(self, seconds: float, asked: Mapping[str, float | None]) -> None:
        """Let time begin.

        Args:
            seconds: Longest that all of it may take.
            asked: httpx's timeouts by their names, which may only be shorter.
        """
        self._seconds = seconds
        self._due = asyncio.get_running_loop().time() + seconds
        self._connect_seconds = asked.get("connect")
        self._read_seconds = asked.get("read")

    async def connect(self, taking: Awaitable[Connection], origin: str) -> Connection:
        """Wait for a connection.

        Raises:
            httpx.ConnectTimeout: There was none in time.
        """
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await taking
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {origin} in time") from error

    async def read(self, expect: Callable[[], Awaitable[None]]) -> None:
        """Wait for the next part of an answer, which `expect` returns.

        (A future in a local variable would keep the error, and the error the frame.)

        Raises:
            httpx.ReadTimeout: It did not come in time.
        """
        due = self._due
        if self._read_seconds is not None:
            due = min(due, asyncio.get_running_loop().time() + self._read_seconds)
        try:
            async with asyncio.timeout_at(due):
                await expect()
        except TimeoutError as error:
            raise late(self._seconds) from error


class AnswerStream(httpx.AsyncByteStream):
    """The body of an answer, which holds its connection until it is closed."""

    def __init__(
        self,
        connection: Connection,
        patience: ReadTimeouts,
        give_back: Callable[[], None],
    ) -> None:
        """Ask nothing yet; `give_back` is called once, when all is over."""
        self._connection = connection
        self._patience = patience
        self._holding = contextlib.ExitStack()
        self._holding.callback(give_back)

    async def ask(self, request: bytes, *, is_bodiless: bool) -> None:
        """Send the request and wait for the head of the answer.

        Raises:
            httpx.TransportError: There was none.
        """
        with contextlib.ExitStack() as giving_up:
            giving_up.callback(self._holding.close)
            await self._patience.read(
                lambda: self._connection.ask(
                    request, enough_bytes=0, is_bodiless=is_bodiless
                )
            )
            giving_up.pop_all()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = self._connection.answer
        while True:
            while answer.chunks:
                yield answer.chunks.pop(0)
            if answer.is_complete:
                return
            await self._patience.read(self._connection.wait_more)

    async def aclose(self) -> None:
        """See `httpx.AsyncByteStream`."""
        self._holding.close()
