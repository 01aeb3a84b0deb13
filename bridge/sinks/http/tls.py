"""TLS towards a sink: trusted authorities and the client certificate."""

import os
import ssl
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bridge.files.reading import read_file
from bridge.net.tls import client_context
from bridge.sinks.reloaded import ReloadedFile, SecretError
from bridge.sinks.settings import PemFromEnv, TlsConfig
from bridge.sinks.transports.errors import text_of, tls_text


class TlsContext:
    """Builds the SSLContext of a sink, again when one of its files changes.

    Attributes:
        files: What is read again.
    """

    def __init__(
        self, settings: TlsConfig, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Build nothing yet; see `ReloadedFile` for `now`."""
        self._settings = settings
        self._paths = [
            path
            for path in (settings.ca, settings.cert, settings.key)
            if isinstance(path, Path)
        ]
        self.files = ReloadedFile(self._paths, self._build, now=now)

    @property
    def server_name(self) -> str | None:
        """Name that is asked for; None: that of the URL."""
        return self._settings.server_name

    @property
    def is_of_files(self) -> bool:
        """Whether anything of it is read from files."""
        return bool(self._paths)

    def get(self) -> ssl.SSLContext:
        """Return the context to connect with.

        Raises:
            SecretError: A file cannot be read or holds nothing of use.
        """
        return self.files.get()

    def signature(self) -> str:
        """Return a text that changes when a file does."""
        return self.files.signature()

    def _build(self) -> ssl.SSLContext:
        settings = self._settings
        if (
            settings.ca is None
            and settings.cert is None
            and not settings.insecure_skip_verify
        ):
            return _of_the_system()
        context = _trusting(settings)
        if settings.cert is not None:
            _show(context, settings.cert, settings.key)
        return context


@cache
def _of_the_system() -> ssl.SSLContext:
    """Reading the system's authorities takes 20 ms: once is enough."""
    return _trusting(TlsConfig())


def _trusting(settings: TlsConfig) -> ssl.SSLContext:
    variable = settings.ca.env if isinstance(settings.ca, PemFromEnv) else None
    ca = settings.ca if isinstance(settings.ca, Path) else None
    text = None if variable is None else os.environ.get(variable, "")
    what = f"tls.ca {ca}" if variable is None else f"tls.ca in variable {variable}"
    if text == "":
        raise SecretError(f"{what}: expected certificates, got none", reason="tls")
    if text is not None and not text.isascii():
        message = f"{what}: expected certificates in PEM form"
        raise SecretError(message, reason="tls")
    try:
        # OpenSSL opens it by its name, and would wait for a pipe.
        _ = None if ca is None else read_file(ca)
        context = client_context(
            ca=ca, ca_data=text, verify=not settings.insecure_skip_verify
        )
    except OSError as error:
        raise SecretError(f"{what}: {_why(error)}", reason="tls") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _show(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    try:
        for path in filter(None, (cert, key)):
            read_file(path)
        # A password, though it is empty, or OpenSSL would ask the terminal for one.
        context.load_cert_chain(cert, key, password="")
    except OSError as error:
        what = f"tls.cert {cert}" + (f" with tls.key {key}" if key else "")
        raise SecretError(f"{what}: {_why(error)}", reason="tls") from error


def _why(error: OSError) -> str:
    return tls_text(error) if isinstance(error, ssl.SSLError) else text_of(error)
