"""TLS as a client: the one place that makes contexts for the cluster and for sinks."""

import ssl
from pathlib import Path


def client_context(
    *, ca: Path | None = None, ca_data: str | None = None, verify: bool = True
) -> ssl.SSLContext:
    """Return a context for client connections, which asks for no protocol (ALPN).

    The strict checks that Python 3.13 switched on (RFC 5280: key usage, authority key
    identifier and others) stay off: the private authorities of many clusters lack
    those extensions, and curl, Go and Python 3.11 accept them.

    Args:
        ca: File of PEM certificates to trust instead of the system's.
        ca_data: The same as text; None, and no `ca`: the system's are trusted.
        verify: False: accept any certificate, whatever name it has.

    Raises:
        OSError: The file cannot be read; `ssl.SSLError`, a kind of it, says that it
            holds no certificate.
        ValueError: The text holds something else, or is not ASCII.
    """
    context = ssl.create_default_context(cafile=ca, cadata=ca_data)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
