"""What it takes to speak to one API server: address, identity and trust."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from kubernetes_asyncio.client import Configuration

from bridge.errors import CredentialsError
from bridge.tls import client_context

RELOAD_SECONDS = 60.0
"""How long a token read from a file is used, as client-go does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """Whom to trust and how to identify, as PEM bytes; equal means nothing changed.

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
        authority = self.authority
        try:
            return client_context(
                ca_data=None if authority is None else authority.decode(),
                verify=self.verify,
            )
        except (ssl.SSLError, ValueError) as error:
            raise CredentialsError(
                f"{self.authority_field}: expected PEM certificates, got something "
                "that OpenSSL does not read as such"
            ) from error

    def _identify(self, context: ssl.SSLContext) -> None:
        # OpenSSL takes a chain from files only: they exist for this moment, in a
        # folder that nobody else can enter.
        with TemporaryDirectory(prefix="kubebridge-") as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(self.certificate or b"")
            key.write_bytes(self.key or b"")
            try:
                context.load_cert_chain(chain, key)
            except (ssl.SSLError, OSError) as error:
                raise CredentialsError(
                    f"{self.certificate_field}: expected a PEM certificate and its "
                    "own key, got a pair that OpenSSL does not accept"
                ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bridge says it is.

    Attributes:
        authorization: The header of that name; None: none.
        certificate: A client certificate chain as PEM; None: none.
        key: The certificate's private key.
        renew_after_seconds: How long it is good for, as far as is known.
    """

    authorization: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    renew_after_seconds: float = RELOAD_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Credentials as they are now.

    Attributes:
        configuration: Address, proxy and token, as kubernetes_asyncio takes them.
        tls: Trust and client certificate.
        renew_after_seconds: When to load them again.
    """

    configuration: Configuration = field(repr=False)
    tls: TlsMaterial
    renew_after_seconds: float = RELOAD_SECONDS


def read_bytes(path: Path, *, field: str) -> bytes:
    """Return the content of a credentials file.

    Raises:
        CredentialsError: It cannot be read, or it is empty; names field and file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CredentialsError(
            f"{field}: expected a readable file, got {path}: {error.strerror}"
        ) from error
    if not content.strip():
        raise CredentialsError(f"{field}: expected content, got the empty file {path}")
    return content


def bearer(token: bytes, *, field: str) -> str:
    """Return the Authorization header for a token, less the space around it.

    Raises:
        CredentialsError: It cannot stand in a header; names the field only.
    """
    text = token.strip().decode("ascii", errors="replace")
    if not text.isascii() or not text.isprintable():
        raise CredentialsError(f"{field}: expected one line of printable ASCII")
    return f"Bearer {text}"
