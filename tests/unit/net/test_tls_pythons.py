"""A plain private authority is trusted on each Python that is here (issue 10, item 6).

The image has Python 3.13, whose own contexts refuse authorities without the extensions
of RFC 5280 that curl, Go and Python 3.11 do without.
"""

import datetime as dt
import ipaddress
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import bridge.net.tls
from tests.unit import tls_peers

PEM = serialization.Encoding.PEM


def certificate(name, key, *, issuer, signed_by, extension):
    """Return a certificate with one extension: no key usage, no key identifiers."""
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(f"CN={name}"))
        .issuer_name(x509.Name.from_rfc4514_string(f"CN={issuer}"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2100))
        .add_extension(extension, critical=False)
        .sign(signed_by, hashes.SHA256())
    )


@pytest.fixture
def plain(tmp_path):
    """Write a plain authority and a server of it; return both paths."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    rule = x509.BasicConstraints(ca=True, path_length=None)
    ca = certificate("ca", ca_key, issuer="ca", signed_by=ca_key, extension=rule)
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    server = certificate("a", key, issuer="ca", signed_by=ca_key, extension=names)
    pem = key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ca.pem").write_bytes(ca.public_bytes(PEM))
    (tmp_path / "server.pem").write_bytes(server.public_bytes(PEM) + pem)
    return tmp_path / "ca.pem", tmp_path / "server.pem"


def find_python(name):
    """Return the path of a Python that works, on PATH or of pyenv; or skip the test."""
    for found in (shutil.which(name), *pythons_of_pyenv(name)):
        if found is not None and run(found, "-V").returncode == 0:
            return found
    return pytest.skip(f"no {name} on PATH, and none of pyenv")


def pythons_of_pyenv(name):
    """Return where pyenv has such a Python, also if its shims are switched off."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return []
    root = Path(run(pyenv, "root").stdout.strip())
    return [str(path) for path in sorted(root.glob(f"versions/*/bin/{name}"))]


def run(*command):
    """Run a program; return what it said."""
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60
    )


def connect(python, plain, *more):
    """Let a client of ours connect under that Python; return what it said."""
    files = [tls_peers.__file__, bridge.net.tls.__file__, *plain]
    return run(python, "-I", *map(str, files), *more)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [sys.executable, "python3.12", "python3.13"])
def test_plain_authority_is_trusted(plain, name):
    """By whatever Python runs us (issue 10, item 6)."""
    python = name if Path(name).is_absolute() else find_python(name)

    result = connect(python, plain)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.timeout(60)
def test_plain_authority_is_refused_by_python_3_13_alone(plain):
    """So that the test above shows something (issue 10, item 6)."""
    result = connect(find_python("python3.13"), plain, "strict")

    assert "Missing Authority Key Identifier" in result.stderr
