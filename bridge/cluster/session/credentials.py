"""Hold what a session needs: address, proxy, identity and trust."""

import os
import re
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from yarl import URL

from bridge.cluster.session.library import Configuration
from bridge.errors import ConfigError, CredentialsError
from bridge.net.proxies import parse_proxy, proxy_of_environment
from bridge.net.tls import client_context

MOST_BYTES = 4 * 1024 * 1024
"""A bundle of all authorities that a system trusts has 0.3 MB."""

RELOAD_SECONDS = 60.0
"""How long a token read from a file is used, as client-go does."""

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----[\x00-\x7f]*?-----END CERTIFICATE-----"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """CA bundle and client certificate as PEM; equal material needs no new session.

    Attributes:
        authority: The CA bundle; None: what the system trusts.
        certificate: The client's certificate chain; None: none.
        key: Its private key.
        verify: False for ``insecure-skip-tls-verify``.
        authority_field: What errors call the CA bundle; no part of what is compared.
        certificate_field: What errors call certificate and key.
    """

    authority: bytes | None = None
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    verify: bool = True
    authority_field: str = field(default="certificate authority", compare=False)
    certificate_field: str = field(default="client certificate", compare=False)

    def context(self) -> ssl.SSLContext:
        """Return a context for client connections.

        Raises:
            CredentialsError: OpenSSL does not accept the CA, certificate or key.
        """
        context = self._trust()
        if self.certificate is not None:
            self._identify(context)
        return context

    def _trust(self) -> ssl.SSLContext:
        if self.authority is None:
            return client_context(verify=self.verify)
        # What stands between the certificates is a comment, and not always ASCII.
        found = b"\n".join(_CERTIFICATE.findall(self.authority))
        try:
            if found:
                return client_context(ca_data=found.decode(), verify=self.verify)
        except ssl.SSLError as error:
            raise self._no_authority() from error
        raise self._no_authority()

    def _no_authority(self) -> CredentialsError:
        return CredentialsError(
            f"{self.authority_field}: expected PEM certificates, got something that "
            "OpenSSL does not read as such"
        )

    def _identify(self, context: ssl.SSLContext) -> None:
        # OpenSSL takes a chain from files only: they exist for this moment, in a
        # folder that nobody else can enter.
        with TemporaryDirectory(prefix="kubebridge-") as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(self.certificate or b"")
            key.write_bytes(self.key or b"")
            try:
                # A password, or OpenSSL would ask the terminal for one.
                context.load_cert_chain(chain, key, password="")
            except (ssl.SSLError, OSError) as error:
                raise CredentialsError(
                    f"{self.certificate_field}: expected a PEM certificate and its "
                    "own key, got a pair that OpenSSL does not accept"
                ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The identity under which the bridge asks.

    Attributes:
        authorization: The header of that name; None: none.
        certificate: A client certificate chain as PEM; None: none.
        key: The certificate's private key.
        impersonation: Header fields that say as whom it asks, each name and value.
        renew_after_seconds: How long it is good for, as far as is known.
    """

    authorization: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    impersonation: tuple[tuple[str, str], ...] = ()
    renew_after_seconds: float = RELOAD_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Credentials as they are now.

    Attributes:
        configuration: Address, proxy and token, as kubernetes_asyncio takes them.
        tls: Trust and client certificate.
        impersonation: Header fields that say as whom the bridge asks; empty: itself.
        renew_after_seconds: When to load them again.
    """

    configuration: Configuration = field(repr=False)
    tls: TlsMaterial
    impersonation: tuple[tuple[str, str], ...] = ()
    renew_after_seconds: float = RELOAD_SECONDS


def read_bytes(path: Path, *, field: str, is_empty_good: bool = False) -> bytes:
    """Return the content of a credentials file.

    Raises:
        CredentialsError: It cannot be read, it is no ordinary file, it is larger than
            4 MiB, or it is empty; names field and file.
    """
    try:
        # Without waiting: a FIFO would hold up everything else.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CredentialsError(
                    f"{field}: expected an ordinary file, got {path}"
                )
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CredentialsError(
            f"{field}: expected a readable file, got {path}: {error.strerror}"
        ) from error
    if len(content) > MOST_BYTES:
        raise CredentialsError(f"{field}: expected at most 4 MiB, got more in {path}")
    if not content.strip() and not is_empty_good:
        raise CredentialsError(f"{field}: expected content, got the empty file {path}")
    return content


def header_value(text: str, *, field: str) -> str:
    """Return a text that may stand in a header, by the rules of Go's `net/http`.

    Raises:
        CredentialsError: It holds a control character; names the field only.
    """
    is_good = all(letter == "\t" or letter >= " " for letter in text)
    if not is_good or "\x7f" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise CredentialsError(f"{field}: expected one line without control characters")
    return text


def bearer(token: bytes, *, field: str) -> str:
    """Return the Authorization header for a token.

    Raises:
        CredentialsError: It cannot stand in a header; names the field only.
    """
    text = token.decode("ascii", errors="replace")
    if not text.isascii() or not text.isprintable():
        raise CredentialsError(f"{field}: expected one line of printable ASCII")
    return f"Bearer {text}"


def find_proxy(
    server: str,
    *,
    environ: Mapping[str, str],
    named: str | None = None,
    field: str = "proxy-url",
) -> str | None:
    """Return the URL of the proxy that leads to an API server; None: none does.

    Args:
        server: URL of the API server.
        environ: Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are looked up.
        named: The kubeconfig's proxy, whatever NO_PROXY has; None: it names none.
        field: What errors call that.

    Raises:
        CredentialsError: It is not an HTTP proxy; names the key or the variable.
    """
    try:
        if named:
            return str(parse_proxy(named, name=field))
        found = proxy_of_environment(URL(server), environ)
    except ConfigError as error:
        raise CredentialsError(str(error)) from error
    return None if found is None else str(found)
