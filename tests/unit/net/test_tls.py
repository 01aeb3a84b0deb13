"""The one place that makes TLS contexts for connections that we open (issue 10)."""

import ssl

import pytest

from bridge.net.tls import client_context
from tests.unit.oldca import shake_hands, write_old_ca
from tests.unit.sinks.conftest import CERTIFICATES

CA = CERTIFICATES / "ca.pem"


@pytest.mark.parametrize(
    "trust", [{}, {"ca": CA}, {"ca_data": CA.read_text()}, {"verify": False}]
)
def test_strict_flag_is_cleared(trust, monkeypatch):
    """Python 3.13 sets it, curl and Go know nothing of it (issue 10, item 6)."""
    monkeypatch.setattr(ssl, "create_default_context", _as_in_python_3_13)

    context = client_context(**trust)

    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_old_private_authority_is_accepted(tmp_path):
    """As by Python 3.11, curl and Go; 3.13 alone refuses it (issue 10, item 6)."""
    ca, server = write_old_ca(tmp_path)
    strict = ssl.create_default_context(cafile=ca)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT

    shake_hands(client_context(ca=ca), server, name="old.invalid")
    shake_hands(client_context(ca_data=ca.read_text()), server, name="old.invalid")
    with pytest.raises(ssl.SSLCertVerificationError, match="Key Identifier"):
        shake_hands(strict, server, name="old.invalid")


def test_another_name_is_refused(tmp_path):
    """What is lenient about extensions is strict about names."""
    ca, server = write_old_ca(tmp_path)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client_context(ca=ca), server, name="new.invalid")


def test_names_and_certificates_are_verified():
    """Nothing but the strict flag differs from Python's own context."""
    context = client_context(ca=CA)

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_verification_can_be_switched_off():
    """Then any certificate will do, for any name."""
    context = client_context(verify=False)

    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("trust", "error"),
    [
        ({"ca": CA.with_name("missing.pem")}, FileNotFoundError),
        ({"ca_data": "no certificate"}, ssl.SSLError),
    ],
)
def test_unusable_authority_is_an_error(trust, error):
    """The system's are never trusted instead."""
    with pytest.raises(error):
        client_context(**trust)


def _as_in_python_3_13(**trust):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
