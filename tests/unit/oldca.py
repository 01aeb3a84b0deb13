"""A private authority as many clusters have one: without what RFC 5280 asks for."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_old_ca(folder: Path) -> tuple[Path, Path]:
    """Write a CA, and a certificate with its key for ``old.invalid``; return both."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _built("old ca", None, ca_key, ca_key, {x509.BasicConstraints(True, None): 1})
    names = x509.SubjectAlternativeName([x509.DNSName("old.invalid")])
    leaf = _built("old.invalid", ca, key, ca_key, {names: 0})
    paths = folder / "old-ca.pem", folder / "old.pem"
    paths[0].write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths[1].write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + private)
    return paths


def _built(name, issuer, key, ca_key, extensions) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
    )
    for extension, is_critical in extensions.items():
        builder = builder.add_extension(extension, critical=bool(is_critical))
    return builder.sign(ca_key, hashes.SHA256())


def shake_hands(context: ssl.SSLContext, served: Path, *, name: str) -> None:
    """Do a handshake in memory; raises `ssl.SSLError` if a side does not want to."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(served)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(there, back, server_side=True)
    client = context.wrap_bio(back, there, server_hostname=name)
    waiting = [client, server]
    for _ in range(10):
        waiting = [side for side in waiting if not _is_done(side)]
        if not waiting:
            return
    raise AssertionError("no end of the handshake")


def _is_done(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
