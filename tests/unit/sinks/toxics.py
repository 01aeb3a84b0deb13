"""Every way in which a peer or the net misbehaves, and what is said about it."""

from dataclasses import dataclass

from tests.unit.sinks.receiver import Behaviour, close, drip, hang, reset, send

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGE = b'"%b"' % (b"x" * 8_000_000)


@dataclass(frozen=True)
class Toxic:
    """A behaviour, where it takes place, and the reason that the log gives."""

    behaviour: Behaviour
    reason: str
    at: str = "request"
    data: bytes = b"1"


TOXICS = {
    "reset before the request": Toxic(reset, "reset", "connect"),
    "reset in the request": Toxic(reset, "reset", "head", LARGE),
    "reset after the request": Toxic(reset, "reset"),
    "close before the request": Toxic(close, "reset", "connect"),
    "close after the request": Toxic(close, "reset"),
    "half-open": Toxic(hang, "timeout-answer"),
    "no reader": Toxic(hang, "timeout-answer", "head", LARGE),
    "byte drip of the head": Toxic(drip(HEAD + b"X: ", b"x"), "timeout-answer"),
    "byte drip of the body": Toxic(
        drip(HEAD + b"Content-Length: 999\r\n\r\n", b"x"), "timeout-answer"
    ),
    "byte drip of chunks": Toxic(drip(CHUNKED, b"1\r\nx\r\n"), "timeout-answer"),
    "byte drip to the end": Toxic(drip(HEAD + b"\r\n", b"x"), "timeout-answer"),
    "100 and nothing more": Toxic(send(CONTINUE), "timeout-answer"),
    "100 again and again": Toxic(drip(b"", CONTINUE), "timeout-answer"),
    "close after 100": Toxic(send(CONTINUE, then="close"), "reset"),
    "close in the head": Toxic(send(HEAD + b"Con", then="close"), "cut-answer"),
    "close in the body": Toxic(
        send(HEAD + b"Content-Length: 5\r\n\r\nab", then="close"), "cut-answer"
    ),
    "close in a chunk": Toxic(send(CHUNKED + b"5\r\nab", then="close"), "cut-answer"),
    "close before the last chunk": Toxic(
        send(CHUNKED + b"2\r\nab\r\n", then="close"), "cut-answer"
    ),
    "endless header fields": Toxic(drip(HEAD, b"X: y\r\n" * 500), "bad-answer"),
    "an endless header field": Toxic(drip(HEAD + b"X: ", b"x" * 20_000), "bad-answer"),
    "an endless status line": Toxic(
        drip(b"HTTP/1.1 200 ", b"x" * 20_000), "bad-answer"
    ),
    "another protocol": Toxic(send(b"SSH-2.0-x\r\n", then="close"), "bad-answer"),
    "a chunk that is none": Toxic(send(CHUNKED + b"zz\r\n"), "bad-answer"),
}

FLOODS = {
    "length": (HEAD + b"Content-Length: 10000000000\r\n\r\n", b"x" * 50_000),
    "chunks": (CHUNKED, b"c350\r\n" + b"x" * 50_000 + b"\r\n"),
    "until the end": (HEAD + b"\r\n", b"x" * 50_000),
}
