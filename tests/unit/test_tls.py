"""The one place that makes TLS contexts for connections that we open (issue 10)."""

import ssl

import pytest

from bridge.tls import client_context
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
