"""In which ways a sink may be asked for: signed, with a token, by TLS and so on."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.bridge_process import ROOT, receiver
from bridge.sinks.http.auth import BasicAuth, OAuth2Auth
from bridge.sinks.http.settings import OAuth2Config
from bridge.sinks.http.signing import (
    PRIVATE_PREFIX,
    SECRET_PREFIX,
    HubSigner,
    StandardSigner,
)
from bridge.sinks.http.token_endpoint import TokenEndpoint
from bridge.sinks.secrets import SecretText

CERTIFICATES = ROOT / "tests" / "unit" / "sinks" / "certificates"

SECRET = "BENCH_CLIENT_SECRET"  # the name of a variable

SMALL_BYTES, LARGE_BYTES = 1_800, 80_000
"""Of an event's data: a usual one, and one beyond the ceiling of 64 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Ports of receivers on loopback."""

    plain: int
    tls: int
    mutual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to POST, and which other one it is compared with.

    Attributes:
        settings: Settings of the sink.
        parts: What else an `HttpSink` is given, made for each sink.
        than: Name of the other; empty: there is none.
        data_bytes: Of the event's data.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    parts: Callable[[], dict[str, Any]] = field(default=dict)
    than: str = "plain"
    data_bytes: int = SMALL_BYTES


@contextmanager
def receivers() -> Iterator[Places]:
    """Run three receivers: plain, with TLS, and with TLS for known clients only."""
    tls = ["--cert", str(CERTIFICATES / "server.pem")]
    mutual = [*tls, "--client-ca", str(CERTIFICATES / "ca.pem")]
    with ExitStack() as stack:
        plain, over_tls, known = (
            stack.enter_context(receiver(options=options))
            for options in ((), tls, mutual)
        )
        yield Places(plain=plain.port, tls=over_tls.port, mutual=known.port)


def ways(places: Places) -> dict[str, Way]:
    """Return all ways by name, each after the one that it is compared with."""
    large = {"than": "80 kB", "data_bytes": LARGE_BYTES}
    return {
        "plain": Way(than=""),
        "binary": Way(settings={"mode": "binary"}),
        "basic": Way(parts=lambda: {"auth": _basic()}),
        "OAuth2, token at hand": Way(parts=lambda: {"auth": _oauth2(places.plain)}),
        "signed v1": Way(parts=lambda: {"sign": _standard(SECRET_PREFIX)}),
        "signed v1a": Way(parts=lambda: {"sign": _standard(PRIVATE_PREFIX)}),
        "signed v1 and v1a": Way(
            parts=lambda: {"sign": _standard(SECRET_PREFIX, PRIVATE_PREFIX)}
        ),
        "signed hub": Way(parts=lambda: {"sign": HubSigner(SecretText("s" * 40))}),
        "handshake": Way(settings={"handshake": _HANDSHAKE}),
        "TLS": Way(settings=_tls(places.tls)),
        "mTLS": Way(settings=_tls(places.mutual, "client.pem")),
        "80 kB": Way(than="", data_bytes=LARGE_BYTES),
        "80 kB, trimmed": Way(settings={"size": {"policy": "trim"}}, **large),
    }


_HANDSHAKE = {"mode": "require", "origin": "bench.example.com"}


def _basic() -> BasicAuth:
    return BasicAuth(username="bridge", password=SecretText("p" * 20))


def _oauth2(port: int) -> OAuth2Auth:
    settings = OAuth2Config(
        tokenUrl=f"http://127.0.0.1:{port}/token",
        clientId="bridge",
        clientSecret={"env": SECRET},
        proxy="none",
    )
    os.environ[SECRET] = "s" * 20
    return OAuth2Auth(TokenEndpoint(settings, timeout_seconds=7.5))


def _standard(*prefixes: str) -> StandardSigner:
    keys = [prefix + base64.b64encode(os.urandom(32)).decode() for prefix in prefixes]
    return StandardSigner([SecretText(key) for key in keys])


def _tls(port: int, cert: str | None = None) -> dict[str, Any]:
    return {
        "url": f"https://127.0.0.1:{port}/hook",
        "tls": {"ca": str(CERTIFICATES / "ca.pem")}
        | ({} if cert is None else {"cert": str(CERTIFICATES / cert)}),
    }
