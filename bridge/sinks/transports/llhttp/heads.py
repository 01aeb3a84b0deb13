"""What stands before a body: made once, as long as the fields stay the same."""

from collections.abc import Sequence

import httpx
from multidict import CIMultiDict
from yarl import URL

_FRAMING = ("content-length", "transfer-encoding")

Fields = Sequence[tuple[bytes, bytes]]
"""Header fields of one event, their names in lower case."""


class RequestHeads:
    """The heads of the requests of one sink."""

    def __init__(self) -> None:
        """Have seen none."""
        self._url: URL | None = None
        self._headers: CIMultiDict[str] | None = None
        self._lines: dict[bytes, bytes] = {}
        self._starts: dict[tuple[bytes, ...], bytes] = {}

    def post(
        self,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        fields: Fields = (),
    ) -> bytes:
        """Return a whole POST.

        Args:
            url: Where to.
            headers: Its fields; the same object means the same fields.
            body: Sent in one piece, so that its length is known.
            fields: Further ones, which replace those of the same name.

        Raises:
            ValueError: A field would end within its line.
        """
        if url is not self._url or headers is not self._headers:
            self._lines = _lines("POST", url, list(headers.items()))
            self._starts = {}
            self._url, self._headers = url, headers
        start = self._start_without(
            tuple([name for name, _ in fields if name in self._lines])
        )
        own = _join(fields) if fields else b""
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (start, own, len(body), body)

    def _start_without(self, names: tuple[bytes, ...]) -> bytes:
        start = self._starts.get(names)
        if start is None:
            lines = [line for name, line in self._lines.items() if name not in names]
            start = self._starts[names] = b"".join(lines)
        return start


def whole(request: httpx.Request, url: URL) -> bytes:
    """Return any request of httpx that was read, as bytes.

    Raises:
        ValueError: A field would end within its line.
    """
    lines = _lines(request.method, url, request.headers.multi_items())
    start, body = b"".join(lines.values()), request.content
    if any(name in request.headers for name in _FRAMING):
        start += b"Content-Length: %d\r\n" % len(body)
    return start + b"\r\n" + body


def _lines(method: str, url: URL, fields: list[tuple[str, str]]) -> dict[bytes, bytes]:
    """Return the lines of a head by the names of their fields, in lower case."""
    first = f"{method} {url.raw_path_qs} HTTP/1.1"
    if len(first.split()) != 3 or not first.isprintable():
        raise ValueError(f"request line: expected method and target, got {first!r}")
    lines = {b"": f"{first}\r\n".encode()}
    if not any(name.lower() == "host" for name, _ in fields):
        lines[b"host"] = f"Host: {url.host_port_subcomponent}\r\n".encode()
    for name, value in fields:
        if name.lower() not in _FRAMING:
            key, field = name.lower().encode(), (name.encode(), value.encode())
            lines[key] = lines.get(key, b"") + _join([field])
    return lines


def _join(fields: Fields) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % field for field in fields])
    count = len(fields)
    if (lines.count(b"\r"), lines.count(b"\n"), lines.count(b"\0")) != (
        count,
        count,
        0,
    ):
        names = b", ".join(name for name, _ in fields)
        raise ValueError(f"header fields {names!r}: expected one line of text each")
    return lines
