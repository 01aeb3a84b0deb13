"""What asyncio reports of a connection, as errors of httpx, without secrets."""

import socket

import httpx

from bridge.sinks.transports.egress import DeniedAddressError
from bridge.sinks.transports.errors import (
    LOST,
    CutAnswerError,
    DeniedError,
    DnsError,
    TlsError,
    forget_frames,
    text_of,
    tls_fault,
)
from bridge.sinks.transports.llhttp.answer import ResponseReader


def lost(
    error: Exception | None, answer: ResponseReader, origin: str
) -> httpx.TransportError:
    """Return what it means that a connection is gone.

    Args:
        error: What asyncio says; None: the peer closed it in good order.
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


def unconnected(
    error: OSError | UnicodeError, *, host: str, origin: str
) -> httpx.TransportError:
    """Return what it means that no connection came about."""
    forget_frames(error)
    if isinstance(error, UnicodeError):
        return DnsError(f"cannot resolve {host}: not a name of DNS")
    if isinstance(error, DeniedAddressError):
        return DeniedError(f"{host} leads to {error}")
    if isinstance(error, socket.gaierror):
        return DnsError(f"cannot resolve {host}: {error.strerror}")
    tls = tls_fault(error)
    if tls is not None:
        return TlsError(f"TLS with {origin} failed: {tls}")
    return httpx.ConnectError(f"cannot connect to {origin}: {text_of(error)}")
