"""Errors of transports: those of httpx, and finer ones.

::

    httpx.TransportError
    ├── httpx.ConnectError              refused, unreachable: nothing was sent
    │   ├── DnsError                    the name has no address
    │   ├── DeniedError                 the address is one that nothing may be sent to
    │   └── TlsError                    the handshake failed, or the sink wants another
    ├── httpx.ProxyError                the proxy refused: ProxyStatusError
    ├── httpx.ConnectTimeout            nothing was sent
    ├── httpx.ReadTimeout               the event may have been read
    ├── httpx.ReadError                 cut before an answer; may have been read
    ├── httpx.RemoteProtocolError       the answer is not HTTP
    │   └── CutAnswerError              the answer began and does not end
    └── TokenUnavailableError           no token to send it with: nothing was sent
"""

import errno
import os
import re
import socket
import ssl
from typing import TypeVar

import httpx

from bridge.errors import OUR_FAULT

Error = TypeVar("Error", bound=Exception)

LOST = "connection lost before the answer; the event may have been read"

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_HANDSHAKE_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class DnsError(httpx.ConnectError):
    """The name of the host has no address."""


class DeniedError(httpx.ConnectError):
    """The address is denied: nothing was sent, and nothing will be."""


class TlsError(httpx.ConnectError):
    """The certificate, or the way of speaking TLS, was not accepted."""


class ProxyStatusError(httpx.ProxyError):
    """The proxy answered CONNECT with a status that is not 200."""

    def __init__(self, message: str, *, status: int) -> None:
        """`status` is the proxy's."""
        super().__init__(message)
        self.status = status


class CutAnswerError(httpx.RemoteProtocolError):
    """The answer began and does not end as it should."""


class TokenUnavailableError(httpx.TransportError):
    """The token endpoint gives no token now, so the sink was not asked."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        """`retry_after_seconds`: the least wait before it is asked again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def fresh(error: Error) -> Error:
    """Return a copy of an error that was never raised.

    An error that is kept and raised keeps the frames that it passed, and so all that
    they hold: the events of an attempt.
    """
    kind = type(error)
    like = kind.__new__(kind, *error.args)
    vars(like).update(vars(error))
    return like


def forget_frames(error: BaseException | None) -> None:
    """Release the frames that an error of a library and its causes keep.

    Some libraries keep an error in a frame that it passed, which makes a cycle. The
    frames hold the request, and are of no use: the error is known.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def tls_fault(cause: BaseException | None) -> str | None:
    """Return the reason of a TLS error; None: the connection was only cut."""
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, _HANDSHAKE_CUT):
        return tls_text(cause)
    return None


def tls_text(error: ssl.SSLError) -> str:
    """Return the reason that OpenSSL gives; never empty."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", None)
        return f"certificate refused: {why or _UNKNOWN}"
    # Only errors that OpenSSL itself raised have a reason.
    why = getattr(error, "reason", None) or _said(error)
    words = why.lower().replace("_", " ")
    return _PEM.get(words, words) or _UNKNOWN


def text_of(error: BaseException) -> str:
    """Return the reason of an error of the system; never empty."""
    said = _said(error)
    silent = (text for kind, text in _SILENT.items() if isinstance(error, kind))
    return said or next(silent, _UNKNOWN)


def _said(error: BaseException) -> str:
    """Return its text without OpenSSL's source line: ``EOF (_ssl.c:1006)``."""
    text = getattr(error, "strerror", None) or (str(error) if error.args else "")
    if "Connect call failed" in text:
        return _system_words(getattr(error, "errno", None), text) or text
    return _CODE.sub("", text)


def _system_words(number: int | None, text: str) -> str:
    """Return the system's reason, without the call and tuples that Python adds."""
    numbers = [number] if number else map(int, _NUMBER.findall(text))
    return ", ".join(dict.fromkeys(os.strerror(one) for one in numbers))


_NUMBER = re.compile(r"\[Errno (\d+)\]")
_UNKNOWN = "no reason given"

_CODE = re.compile(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$")

_PEM = {"pem lib": "no PEM, or one that needs a password"}
"""OpenSSL's reasons that say nothing to people."""

_SILENT: dict[type[BaseException], str] = {
    ConnectionResetError: "the connection was closed",
    ConnectionAbortedError: "the connection was given up",
    BrokenPipeError: "the connection was closed",
    TimeoutError: "no answer in time",
}
"""Errors that asyncio raises without a text."""


def is_ours(error: BaseException) -> bool:
    """Return whether this machine was at fault: no file or no memory was left."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _OURS:
            return True
        if getattr(cause, "reason", None) == OUR_FAULT:  # it was found out before
            return True
        if isinstance(cause, socket.gaierror):
            # A resolver that can open nothing says that the name is not known now.
            return not _can_open()
        cause = cause.__cause__
    return False


def _can_open() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True
