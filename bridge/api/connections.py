"""Connections to the API's port, bounded in number, size and time.

Anybody who reaches the port may open one, so none may cost what deliveries need. Each
waits for its client or is being answered; one that waits has a deadline, and leaves
when a newer one needs its place::

    head ──whole request──▶ (answered) ──keep-alive──▶ head
     │ └──body to come──▶ body ──▶ (answered) ──client reads slowly──▶ reader
     └──refused, see `Refusal`──▶ end ──▶ closed
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

MOST_HEAD_BYTES: Final = 16 * 1024
"""Most bytes of a request line and its header fields, as for Node.js."""

MOST_CONNECTIONS: Final = 128
"""Most connections at once: probes, Prometheus and a few operators need ten."""

BACKLOG: Final = 64
"""Most connections that wait to be accepted, and so are accepted in one step."""

Awaited = Literal["head", "body", "reader", "end"]
"""Next step of the client: send a head or a body, read, or go away."""

SECONDS: Final[dict[Awaited, float]] = {
    "head": 10.0,
    "body": 30.0,
    "reader": 30.0,
    "end": 2.0,
}
"""How long a connection waits for its client."""

Refusal = Literal["malformed", "large", "slow", "crowded"]
"""Why a connection was closed by us: no HTTP, a head beyond `MOST_HEAD_BYTES`, a
deadline that passed, or a newer connection that needed the place."""


class Port:
    """All connections of one listener."""

    def __init__(self, *, most: int, count: Callable[[Refusal], None]) -> None:
        """Allow `most` connections at once; `count` is called for each refusal."""
        self._most = most
        self.count = count
        self._open: set[ApiConnection] = set()

    def enter(self, connection: "ApiConnection") -> bool:
        """Take a connection in; return whether there is a place for it.

        The one that has waited longest for its client gives way. A connection that is
        being answered does not.
        """
        if len(self._open) >= self._most:
            self.count("crowded")
            waiting = [one for one in self._open if one.awaited is not None]
            if not waiting:
                return False
            oldest = min(waiting, key=lambda one: one.since)
            self.leave(oldest)
            oldest.cut()
        self._open.add(connection)
        return True

    def leave(self, connection: "ApiConnection") -> None:
        """Forget a connection."""
        self._open.discard(connection)


class ApiConnection(H11Protocol):
    """uvicorn's connection with deadlines; h11 bounds the head.

    Attributes:
        awaited: What its client has to do next; None: nothing, it is being answered.
        since: From when on, on the clock of the loop.
    """

    def __init__(
        self,
        port: Port,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Belong to `port`; the rest is uvicorn's."""
        super().__init__(config, server_state, app_state, _loop)
        self._port = port
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None
        self.awaited: Awaited | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a head, if there is room."""
        super().connection_made(transport)
        if self._port.enter(self):
            self._look()
        else:
            self.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the port."""
        super().connection_lost(exc)
        self._port.leave(self)
        self._stop_timer()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; those after a refusal are thrown away."""
        if not self._is_refused:
            super().data_received(data)
            self._look()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's
        """Answer what cannot be read."""
        head = self.conn.trailing_data[0]
        if len(head) <= MOST_HEAD_BYTES:
            self._refuse("malformed", HTTPStatus.BAD_REQUEST, "expected HTTP/1.1")
            return
        is_url = b"\n" not in head
        self._refuse(
            "large",
            HTTPStatus.REQUEST_URI_TOO_LONG
            if is_url
            else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"expected at most {MOST_HEAD_BYTES} bytes before the body, got more",
        )

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Wait for a client that does not read."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._look()

    def shutdown(self) -> None:
        """End gracefully, but wait for nobody."""
        if self.awaited in {None, "head"}:
            super().shutdown()
        else:
            self.cut()

    def cut(self) -> None:
        """Close at once, requests under way included."""
        self._is_refused = True
        self.transport.abort()

    def _look(self) -> None:
        """Begin a new deadline if something else is awaited than before."""
        awaited = self._find_awaited()
        if awaited == self.awaited:
            return
        self.awaited = awaited
        self._stop_timer()
        if awaited is not None:
            self.since = self.loop.time()
            self._timer = self.loop.call_later(SECONDS[awaited], self._give_up)

    def _find_awaited(self) -> Awaited | None:
        if self._is_refused or self.transport.is_closing():
            return "end"
        if self.flow.write_paused:
            return "reader"
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's type has no None
        return "head" if cycle is None or cycle.response_complete else None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """Close a connection whose client took too long."""
        awaited = self.awaited
        if awaited in {"head", "body"} and not self.transport.is_closing():
            text = f"expected a whole {awaited} within {SECONDS[awaited]:g} s"
            self._refuse("slow", HTTPStatus.REQUEST_TIMEOUT, text)
            return
        if awaited == "reader":
            self._port.count("slow")
        self.cut()

    def _refuse(self, why: Refusal, status: HTTPStatus, text: str) -> None:
        """Say what is wrong, unless an answer was begun, and close.

        Bytes that still come are read for a moment: a socket that is closed with
        unread bytes tells its peer of a reset, and may take the answer with it.
        """
        self._port.count(why)
        self._is_refused = True
        self._unset_keepalive_if_required()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(_answer(status, text))
        if self.cycle is not None:  # it is told that its client has left
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._look()


def _answer(status: HTTPStatus, text: str) -> bytes:
    body = f'{{"error":"{text}"}}'.encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
