"""What stands before a body: made once, as long as the fields stay the same."""

import httpx
from multidict import CIMultiDict
from yarl import URL

_FRAMING = ("content-length", "transfer-encoding")


class RequestHeads:
    """The heads of the requests of one sink."""

    def __init__(self) -> None:
        """Have seen none."""
        self._url: URL | None = None
        self._headers: CIMultiDict[str] | None = None
        self._start = b""

    def post(self, url: URL, headers: CIMultiDict[str], body: bytes) -> bytes:
        """Return a whole POST.

        Args:
            url: Where to.
            headers: Its fields; the same object means the same fields.
            body: Sent in one piece, so that its length is known.

        Raises:
            ValueError: A field would end within its line.
        """
        if url is not self._url or headers is not self._headers:
            self._start = _start("POST", url, list(headers.items()))
            self._url, self._headers = url, headers
        return b"%bContent-Length: %d\r\n\r\n%b" % (self._start, len(body), body)


def whole(request: httpx.Request, url: URL) -> bytes:
    """Return any request of httpx that was read, as bytes.

    Raises:
        ValueError: A field would end within its line.
    """
    start = _start(request.method, url, request.headers.multi_items())
    body = request.content
    if any(name in request.headers for name in _FRAMING):
        start += b"Content-Length: %d\r\n" % len(body)
    return start + b"\r\n" + body


def _start(method: str, url: URL, fields: list[tuple[str, str]]) -> bytes:
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in fields):
        lines.append(f"Host: {url.host_port_subcomponent}")
    lines += [
        f"{name}: {value}" for name, value in fields if name.lower() not in _FRAMING
    ]
    for line in lines:
        if "\r" in line or "\n" in line or "\0" in line:
            name = line.partition(":")[0]
            raise ValueError(f"header field {name!r}: expected one line of text")
    return "\r\n".join([*lines, ""]).encode()
