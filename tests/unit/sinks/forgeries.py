"""Answers made to be taken for the answer to another request."""

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
OK = b"HTTP/1.1 200 OK\r\n"
NO_CONTENT = b"HTTP/1.1 204 X\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


ALIKE = {
    "two lengths": (
        OK + b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n" + EVIL,
        "bad-answer",
    ),
    "a list of lengths": (OK + b"Content-Length: 0, 50\r\n\r\n", "bad-answer"),
    "a length with a sign": (OK + b"Content-Length: +4\r\n\r\nevil", "bad-answer"),
    "length and chunks": (
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL,
        "bad-answer",
    ),
    "chunks and length": (
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + EVIL,
        "bad-answer",
    ),
    "garbage first": (b"evil\r\n" + OK + b"\r\n", "bad-answer"),
    "a chunk size past 64 bits": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        "bad-answer",
    ),
    "a null in a field": (OK + b"X: a\0b\r\n\r\n", "bad-answer"),
    "more than its length": (OK + b"Content-Length: 2\r\n\r\nok" + EVIL, 200),
    "more than no body": (NO_CONTENT + EVIL, 204),
    "a body that 204 has not": (
        b"HTTP/1.1 204 X\r\nContent-Length: 49\r\n\r\n" + EVIL,
        204,
    ),
    "more than its chunks": (OK + CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + EVIL, 200),
}
"""Bytes, and what comes of them on either engine: a status, or a fault's reason."""
