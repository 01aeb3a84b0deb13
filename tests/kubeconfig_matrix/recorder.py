"""One server that notes who asks: plain, by TLS and as a proxy, all on one port."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATES = Path(__file__).parents[1] / "unit" / "sinks" / "certificates"

_BODY = b'{"major":"1","minor":"36","gitVersion":"v1.36.1"}'
_TLS_BEGINS = b"\x16"
_SOCKS_BEGINS = b"\x05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one request says of who asks, and how it came.

    Attributes:
        authorization: The header of that name; None: none came.
        impersonated: Name and value of each header that says as whom, in lower case.
        certificate: Common name of the client's certificate; None: none was shown.
        server_name: What the TLS handshake asks for; None: nothing, or no TLS.
        is_secure: Whether it came by TLS.
        via: What a proxy was asked for; None: it came directly.
        proxy_authorization: What a proxy was told; None: nothing.
        path: Where to, without the query.
    """

    authorization: str | None = None
    impersonated: tuple[tuple[str, str], ...] = ()
    certificate: str | None = None
    server_name: str | None = None
    is_secure: bool = True
    via: str | None = None
    proxy_authorization: str | None = None
    path: str = "/version"


@dataclass(slots=True)
class Recorder:
    """A running server and what it has seen; `port` is on 127.0.0.1."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)

    def take(self) -> Seen | None:
        """Return the last request and forget all; None: there was none."""
        last = self.seen[-1] if self.seen else None
        self.seen.clear()
        return last


@contextmanager
def recording() -> Iterator[Recorder]:
    """Run the server."""
    recorder = Recorder()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.recorder = recorder
    recorder.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    recorder: Recorder

    def handle_error(self, request, client_address) -> None:
        """Say nothing: clients that refuse a certificate hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def setup(self) -> None:
        """Find out whether it speaks TLS."""
        self._so_far = Seen(is_secure=False)
        self._unwrap()

    def _unwrap(self) -> None:
        first = self.request.recv(1, socket.MSG_PEEK)
        if first == _SOCKS_BEGINS:
            raise ConnectionError("SOCKS is not spoken here")
        if first == _TLS_BEGINS:
            names: list[str | None] = []
            self.request = self._wrapped(self.request, _context(names))
            subject = (self.request.getpeercert() or {}).get("subject", ())
            named = {key: value for part in subject for key, value in part}
            self._so_far = replace(
                self._so_far,
                is_secure=True,
                certificate=named.get("commonName"),
                server_name=names[0] if names else None,
            )
        super().setup()

    def _wrapped(self, plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        secure = context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        try:
            secure.do_handshake()
        except BaseException:
            secure.close()
            raise
        return secure

    def finish(self) -> None:
        """Close the connection, which is another object since it speaks TLS."""
        with suppress(OSError):
            super().finish()
        self.request.close()

    def do_CONNECT(self) -> None:
        """Be the proxy, and then the server that it leads to."""
        self.send_response(200)
        self.end_headers()
        self._so_far = replace(
            self._so_far,
            via=f"CONNECT {self.path}",
            proxy_authorization=self.headers.get("Proxy-Authorization"),
        )
        if self.headers.get("Authorization"):  # a token in the clear: never
            self.server.recorder.seen.append(Seen(path="CONNECT with Authorization"))
        self._unwrap()
        self.close_connection = False

    def do_GET(self) -> None:
        """Note the request and answer it."""
        target, so_far = self.path.partition("?")[0], self._so_far
        if target.startswith("http"):
            target = "/" + target.partition("//")[2].partition("/")[2]
            so_far = replace(
                so_far,
                via=f"GET {self.headers['Host']}",
                proxy_authorization=self.headers.get("Proxy-Authorization"),
            )
        fields = ((name.lower(), value.strip()) for name, value in self._fields())
        seen = replace(
            so_far,
            path=target,
            authorization=self.headers.get("Authorization"),
            impersonated=tuple(
                sorted(one for one in fields if one[0].startswith("impersonate-"))
            ),
        )
        self.server.recorder.seen.append(seen)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_BODY)))
        self.end_headers()
        self.wfile.write(_BODY)

    def _fields(self) -> Iterator[tuple[str, str]]:
        for name, value in self.headers.items():  # http.client reads them as Latin-1
            yield name, value.encode("latin-1").decode()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _context(names: list[str | None]) -> ssl.SSLContext:
    """Return a server's context that notes the name that is asked for."""
    context = _serving("server")

    def note(connection, name, _context) -> None:
        names.append(name)
        if name == "elsewhere.invalid":
            connection.context = _serving("elsewhere")

    context.sni_callback = note
    return context


def _serving(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    context.load_verify_locations(CERTIFICATES / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context
