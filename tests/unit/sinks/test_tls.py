"""TLS: whom a sink trusts, whom it shows itself to, and files that change."""

import asyncio
import re
import shutil
import socket
import ssl

import httpx
import pytest

from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import SecretError
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.errors import TlsError, text_of, tls_fault
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import Receiver, close, refuse_stranger, send
from tests.unit.sinks.samples import Clock
from tests.unit.sinks.test_proxied import tunnel
from tests.unit.sinks.ways import post

CA = CERTIFICATES / "ca.pem"
CLIENT = CERTIFICATES / "client.pem"


async def test_trusted_certificate_is_accepted(make_transport, server_tls):
    """A certificate of the sink's own authority, for this address, will do."""
    async with Receiver(tls=server_tls()) as receiver:
        status, _ = await post(make_transport(), receiver.url)

    assert status == 204


async def test_unknown_authority_is_a_tls_error(make_transport, server_tls):
    """The system's authorities know nothing of the tests."""
    transport = make_transport(tls=TlsConfig())

    async with Receiver(tls=server_tls()) as receiver:
        with pytest.raises(TlsError, match="certificate refused: unable to get local"):
            await post(transport, receiver.url)


async def test_expired_certificate_is_a_tls_error(make_transport, server_tls):
    """It was good until 2020."""
    async with Receiver(tls=server_tls("expired")) as receiver:
        with pytest.raises(TlsError, match="certificate refused: certificate has exp"):
            await post(make_transport(), receiver.url)


async def test_wrong_name_is_a_tls_error(make_transport, server_tls):
    """A certificate for another machine proves nothing about this one."""
    async with Receiver(tls=server_tls("elsewhere")) as receiver:
        with pytest.raises(TlsError, match=r"refused: IP address mismatch.*127\.0"):
            await post(make_transport(), receiver.url)


async def test_client_certificate_is_shown(make_transport, server_tls):
    """A receiver that wants to know us gets the certificate of the sink."""
    transport = make_transport(tls=TlsConfig(ca=CA, cert=CLIENT))

    async with Receiver(tls=server_tls(client_ca="ca")) as receiver:
        status, _ = await post(transport, receiver.url)

    assert status == 204


async def test_missing_client_certificate_is_a_tls_error(make_transport, server_tls):
    """In TLS 1.3 the receiver complains after the handshake; it is no lost answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/hook"
        async with asyncio.TaskGroup() as tasks:
            refusal = asyncio.to_thread(
                refuse_stranger, listener, server_tls(client_ca="ca")
            )
            tasks.create_task(refusal, name="refuse")

            with pytest.raises(TlsError, match="certificate required"):
                await post(make_transport(), url)


async def test_receiver_without_tls_is_a_tls_error(make_transport):
    """An https URL of a port that speaks HTTP is a wrong URL."""
    async with Receiver(send(b"HTTP/1.1 400 Bad\r\n\r\n"), at="connect") as receiver:
        url = receiver.url.replace("http:", "https:")
        with pytest.raises(TlsError, match=r"TLS with https://127.*: "):
            await post(make_transport(), url)


async def test_handshake_that_is_cut_is_no_tls_error(make_transport):
    """A receiver that goes away during the handshake may come back."""
    async with Receiver(close, at="connect") as receiver:
        url = receiver.url.replace("http:", "https:")
        with pytest.raises(httpx.ConnectError) as caught:
            await post(make_transport(), url)

    assert not isinstance(caught.value, TlsError)
    assert re.search(r"cannot connect to https://127.*: \w+", str(caught.value))


async def test_name_of_the_certificate_can_be_said(make_transport, server_tls):
    """`serverName` is what the certificate has to be for (issue 10, item 7)."""
    files = TlsConfig(ca=CA, serverName="elsewhere.invalid")

    async with Receiver(tls=server_tls("elsewhere")) as receiver:
        status, _ = await post(make_transport(tls=files), receiver.url)

    assert status == 204


async def test_name_of_the_certificate_holds_alone(make_transport, server_tls):
    """The URL's own does not count then (issue 10, item 7)."""
    files = TlsConfig(ca=CA, serverName="elsewhere.invalid")

    async with Receiver(tls=server_tls()) as receiver:
        with pytest.raises(TlsError, match="certificate refused: Hostname mismatch"):
            await post(make_transport(tls=files), receiver.url)


async def test_name_of_the_certificate_through_a_tunnel(make_transport, server_tls):
    """Behind a proxy it is the sink's, too (issue 10, item 7)."""
    files = TlsConfig(ca=CA, serverName="elsewhere.invalid")
    elsewhere = server_tls("elsewhere")
    async with Receiver(tls=elsewhere) as receiver, Receiver(tunnel) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        status, _ = await post(make_transport(tls=files, proxy=url), receiver.url)

    assert status == 204


async def test_authorities_may_stand_in_the_environment(
    make_transport, server_tls, monkeypatch
):
    """As a Knative SinkBinding puts them there (issue 10, item 8)."""
    monkeypatch.setenv("K_CA_CERTS", CA.read_text())

    async with Receiver(tls=server_tls()) as receiver:
        transport = make_transport(tls=TlsConfig(ca={"env": "K_CA_CERTS"}))
        status, _ = await post(transport, receiver.url)

    assert status == 204


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected certificates, got none"),
        ("hunter2", "no start line|not enough data"),
        ("h\xfcnter2", "expected certificates in PEM form"),
    ],
)
def test_authorities_of_the_environment_that_are_none(text, why, monkeypatch):
    """The variable is named, and not shown (issue 10, item 8)."""
    monkeypatch.setenv("K_CA_CERTS", text)

    with pytest.raises(SecretError, match=f"variable K_CA_CERTS: ({why})"):
        TlsContext(TlsConfig(ca={"env": "K_CA_CERTS"})).get()


@pytest.mark.parametrize("name", ["expired", "elsewhere", "server"])
async def test_any_certificate_is_accepted_if_so_said(make_transport, server_tls, name):
    """`insecureSkipVerify`: whatever it is, and whoever signed it (issue 10, 7)."""
    transport = make_transport(tls=TlsConfig(insecureSkipVerify=True))

    async with Receiver(tls=server_tls(name)) as receiver:
        status, _ = await post(transport, receiver.url)

    assert status == 204


@pytest.mark.parametrize(
    "error",
    [
        *(ssl.SSLError(), ssl.SSLCertVerificationError(), ssl.SSLError(1, "")),
        *(ConnectionResetError(), ConnectionAbortedError(), OSError(), TimeoutError()),
        *(ssl.SSLEOFError(8, "EOF occurred (_ssl.c:1006)"), ssl.SSLError(1, "[SSL] x")),
        *(BrokenPipeError(), UnicodeError()),
    ],
)
def test_every_error_has_a_text(error):
    """In words, without OpenSSL's source lines (issue 10, item 50)."""
    for text in (text_of(error), tls_fault(error)):
        assert text is None or re.fullmatch(r"[A-Za-z][\w ,]*(: [\w ]+)?", text)


async def test_new_authority_is_used_without_a_restart(
    make_transport, server_tls, tmp_path
):
    """A CA bundle that is replaced holds for the next connection."""
    bundle = tmp_path / "ca.pem"
    shutil.copy(CLIENT, bundle)
    transport = make_transport(tls=TlsConfig(ca=bundle), now=Clock())
    async with Receiver(tls=server_tls()) as receiver:
        with pytest.raises(TlsError):
            await post(transport, receiver.url)

        shutil.copy(CA, bundle)
        status, _ = await post(transport, receiver.url)

    assert status == 204


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"ca": "absent"}, r"tls\.ca .*absent: No such file or directory"),
        ({"ca": "empty"}, r"tls\.ca .*empty: .*no certificate or crl found"),
        ({"cert": "absent"}, r"tls\.cert .*absent: No such file or directory"),
        ({"cert": "ca"}, r"tls\.cert .*ca: no PEM, or one that needs a password"),
        ({"cert": "client", "key": "server"}, r"with tls\.key .*server: .*mismatch"),
        ({"cert": "locked"}, r"tls\.cert .*locked: "),
    ],
)
def test_unusable_file_is_named(files, message, tmp_path):
    """The error names setting and file, and says what is wrong; nobody is asked."""
    for name in ("ca", "client", "server", "locked"):
        shutil.copy(CERTIFICATES / f"{name}.pem", tmp_path / name)
    (tmp_path / "empty").touch()

    with pytest.raises(SecretError, match=message) as caught:
        TlsContext(TlsConfig(**{key: tmp_path / n for key, n in files.items()})).get()

    assert caught.value.reason == "tls"


def test_context_is_kept_as_long_as_the_files_stay():
    """Connections under one context can be used again."""
    context = TlsContext(TlsConfig(ca=CA, cert=CLIENT), now=Clock())

    assert context.get() is context.get()


def test_sinks_without_files_share_the_context_of_the_system():
    """The system's authorities are read once."""
    assert TlsContext(TlsConfig()).get() is TlsContext(TlsConfig()).get()


def test_signature_changes_with_a_file(tmp_path):
    """Whoever compares it knows that a file was replaced."""
    bundle = tmp_path / "ca.pem"
    context = TlsContext(TlsConfig(ca=bundle), now=Clock())
    before = context.signature()

    shutil.copy(CA, bundle)

    assert context.signature() != before
