"""What aiohttp reports, as errors of httpx: the cases that no real peer repeats."""

import ssl

import aiohttp
import httpx
import pytest
from yarl import URL

from bridge.sinks.transports.aiohttp import LOST, as_httpx
from bridge.sinks.transports.errors import TlsError

HOOK = URL("https://u:hidden@hook.example.com/hidden?token=hidden")


def caused_by(cause):
    """Return an error of aiohttp with that cause."""
    error = aiohttp.ClientOSError(1, "hidden")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("kind", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_tls_connection_that_ends_is_a_lost_one(kind):
    """A peer that leaves without a farewell is no fault of configuration."""
    error = as_httpx(caused_by(kind(8, "EOF")), HOOK, seconds=1)

    assert type(error) is httpx.ReadError
    assert str(error) == LOST


def test_tls_that_is_refused_says_why_and_where():
    """OpenSSL's own words, as far as there are any, and nothing secret."""
    cause = ssl.SSLError(1, "[SSL] strange (_ssl.c:1)")

    error = as_httpx(caused_by(cause), HOOK, seconds=1)

    assert isinstance(error, TlsError)
    assert str(error).startswith("TLS with https://hook.example.com failed: ")
    assert "hidden" not in str(error)


def test_any_other_error_is_a_lost_connection():
    """What nobody thought of is tried again."""
    assert type(as_httpx(OSError(5, "x"), HOOK, seconds=1)) is httpx.ReadError
