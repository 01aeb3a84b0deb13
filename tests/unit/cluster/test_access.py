"""Trust and identity towards an API server."""

import os
import ssl

import pytest

from bridge.cluster.session import credentials as access
from bridge.cluster.session.credentials import TlsMaterial, bearer, read_bytes
from bridge.errors import CredentialsError
from tests.unit.cluster.server import CERTIFICATES

CA = (CERTIFICATES / "ca.pem").read_bytes()
CLIENT = (CERTIFICATES / "client.pem").read_bytes()

EMPTY = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_a_given_authority_is_the_only_one_trusted():
    """The system's own are left out."""
    context = TlsMaterial(authority=CA).context()

    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_without_an_authority_the_system_decides():
    """As kubectl does for servers with a public certificate."""
    assert TlsMaterial().context().verify_mode == ssl.CERT_REQUIRED


def test_verification_can_be_switched_off():
    """`insecure-skip-tls-verify` means what it says."""
    context = TlsMaterial(authority=CA, verify=False).context()

    assert context.verify_mode == ssl.CERT_NONE


def test_a_client_certificate_leaves_no_file_behind(tmp_path, monkeypatch):
    """OpenSSL wants files; they are gone when it has read them."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    TlsMaterial(authority=CA, certificate=CLIENT, key=CLIENT).context()

    assert list(tmp_path.iterdir()) == []


def test_a_client_certificate_is_never_readable_by_others(tmp_path, monkeypatch):
    """While its files exist, they are in a folder of ours alone."""
    seen = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(
        ssl.SSLContext,
        "load_cert_chain",
        lambda _, chain, key, **__: seen.append(key.parent.stat().st_mode & 0o777),
    )

    TlsMaterial(authority=CA, certificate=CLIENT, key=CLIENT).context()

    assert seen == [0o700]


@pytest.mark.parametrize("authority", [b"no PEM", b"\xff", b"-----BEGIN", EMPTY])
def test_an_authority_that_is_none_is_an_error(authority):
    """It is a mistake in the credentials, told as such."""
    with pytest.raises(CredentialsError, match="certificate authority"):
        TlsMaterial(authority=authority).context()


@pytest.mark.parametrize("key", [None, b"no PEM", CA])
def test_a_key_that_does_not_fit_is_an_error(key):
    """The error quotes neither."""
    material = TlsMaterial(authority=CA, certificate=CLIENT.split(b"-----BEGIN EC")[0])
    material = TlsMaterial(
        authority=CA, certificate=CLIENT.partition(b"-----BEGIN P")[0], key=key
    )

    with pytest.raises(CredentialsError, match="client certificate"):
        material.context()


def test_secrets_do_not_show_in_a_repr():
    """Objects end up in tracebacks and logs."""
    material = TlsMaterial(certificate=b"cert", key=b"hush")

    assert "hush" not in repr(material)


def test_a_file_that_is_absent_is_an_error(tmp_path):
    """It names field and file."""
    with pytest.raises(CredentialsError) as caught:
        read_bytes(tmp_path / "token", field="users[u].tokenFile")

    assert str(caught.value) == (
        "users[u].tokenFile: expected a readable file, "
        f"got {tmp_path / 'token'}: No such file or directory"
    )


def test_an_empty_file_is_an_error(tmp_path):
    """The kubelet may be about to write it."""
    (tmp_path / "token").write_text("\n")

    with pytest.raises(CredentialsError, match="got the empty file"):
        read_bytes(tmp_path / "token", field="token")


def test_a_file_that_would_hold_everything_up_is_an_error(tmp_path):
    """Nobody writes into that FIFO, and nobody waits for it."""
    os.mkfifo(tmp_path / "token")

    with pytest.raises(CredentialsError, match="expected an ordinary file"):
        read_bytes(tmp_path / "token", field="token")


def test_a_file_without_end_is_an_error(tmp_path):
    """Nothing more than the limit is read."""
    with (tmp_path / "token").open("wb") as file:
        file.truncate(access.MOST_BYTES + 1)

    with pytest.raises(CredentialsError, match="expected at most 4 MiB"):
        read_bytes(tmp_path / "token", field="token")


def test_a_token_is_sent_as_it_is():
    """Files are stripped where they are read: editors leave a newline there."""
    assert bearer(b"abc", field="token") == "Bearer abc"


@pytest.mark.parametrize("token", [b"a\nb", b"a\x00", "ä".encode()])
def test_a_token_that_is_no_header_is_an_error(token):
    """It is not quoted."""
    with pytest.raises(CredentialsError) as caught:
        bearer(token, field="users[u].token")

    assert str(caught.value) == "users[u].token: expected one line of printable ASCII"
