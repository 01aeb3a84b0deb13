"""The token endpoint over real sockets: what is asked, and what answers mean."""

import asyncio
from contextlib import aclosing
from urllib.parse import parse_qs

import pytest

from bridge.errors import ConfigError
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretFromEnv, SecretText
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.errors import TokenUnavailableError
from tests.unit.sinks.authorization import Sleeps, endpoint, granted, refused
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import Receiver, answer, close, drip, hang, send


async def ask(url, **changes):
    """Ask once for a token."""
    async with aclosing(endpoint(url, **changes)) as one:
        return await one.ask()


async def test_client_secret_basic_stands_in_the_header():
    """Encoded like a form (RFC 6749, 2.3.1), with nothing secret in the body."""
    async with Receiver(granted()) as receiver:
        await ask(receiver.url, client_id="a b", client_secret=SecretText("c:d+"))

    request = receiver.requests[0]
    assert request.headers["authorization"] == "Basic YStiOmMlM0FkJTJC"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=client_credentials"


async def test_client_secret_post_stands_in_the_form():
    """With what the token is to allow, and for whom."""
    async with Receiver(granted()) as receiver:
        await ask(
            receiver.url,
            method="client_secret_post",
            scopes=("read", "write"),
            audience="https://hook",
        )

    request = receiver.requests[0]
    assert "authorization" not in request.headers
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": ["hidden"],
        "scope": ["read write"],
        "audience": ["https://hook"],
    }


@pytest.mark.parametrize(
    ("life", "refresh", "expires"),
    [(3600, 3540, 3600), ("60", 48, 60), (0, 0, 0), (None, float("inf"), float("inf"))],
)
async def test_token_is_replaced_a_minute_early_or_a_fifth(life, refresh, expires):
    """Counted from before it was asked for; without a life it ends with a 401."""
    async with Receiver(granted(expires_in=life)) as receiver:
        token = await ask(receiver.url, now=lambda: 0.0)

    assert (token.text, token.refresh_at, token.expires_at) == ("t1", refresh, expires)
    assert "t1" not in repr(token)


async def test_large_token_is_read_whole():
    """Tokens that list groups are larger than what is kept of other answers."""
    async with Receiver(granted("t" * 40_000)) as receiver:
        token = await ask(receiver.url)

    assert len(token.text) == 40_000


@pytest.mark.parametrize("status", [408, 409, 421, 425, 429, 500, 502, 503, 504, 600])
async def test_what_passes_is_tried_again_shortly(status):
    """Twice; the third answer stands."""
    sleeps = Sleeps()
    async with Receiver(answer(status), answer(status), granted()) as receiver:
        token = await ask(receiver.url, sleep=sleeps)

    assert token.text == "t1"
    assert [0.2 <= one < 0.8 for one in sleeps.seconds] == [True, True]


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (answer(503), "answered 503"),
        (refused(500, "server_error"), "answered 500 server_error"),
        (close, "connection lost before the answer"),
        (send(b"Basic bWU6aGlkZGVu of hidden\r\n\r\n", then="close"), "not HTTP"),
    ],
)
async def test_endpoint_that_gives_nothing_is_left_alone_for_a_while(
    behaviour, message
):
    """After three tries; it says where and why, and nothing secret."""
    async with Receiver(behaviour) as receiver:
        with pytest.raises(TokenUnavailableError, match=message) as got:
            await ask(receiver.url)

    assert str(got.value).startswith(f"token endpoint {receiver.url}")
    assert (len(receiver.requests), got.value.retry_after_seconds) == (3, 5.0)
    assert "hidden" not in str(got.value)
    assert "bWU6aGlkZGVu" not in str(got.value)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_kept(status):
    """Nobody asks again before that."""
    behaviour = answer(status, headers={"Retry-After": "90"})
    async with Receiver(behaviour) as receiver:
        with pytest.raises(TokenUnavailableError, match=f"answered {status}") as got:
            await ask(receiver.url)

    assert (len(receiver.requests), got.value.retry_after_seconds) == (1, 90.0)


async def test_endpoint_that_hangs_is_cut_off():
    """In time for the delivery to fail for that reason and no other."""
    async with Receiver(hang) as receiver:
        with pytest.raises(TokenUnavailableError, match=r"within 0\.1 s"):
            await ask(receiver.url, timeout_seconds=0.1)


async def test_tries_are_cut_off_together():
    """However they and the waits between them are spread."""

    async def for_ever(seconds):
        await asyncio.Event().wait()

    async with Receiver(answer(503)) as receiver:
        with pytest.raises(TokenUnavailableError, match=r"no token within 0\.1 s"):
            await ask(receiver.url, timeout_seconds=0.1, sleep=for_ever)


async def test_endpoint_that_is_not_there_is_temporary():
    """It may be on its way up."""
    async with Receiver() as receiver:
        pass

    with pytest.raises(TokenUnavailableError, match="cannot connect to"):
        await ask(receiver.url)


TO_BE_MENDED = {
    "answered 400 invalid_scope": refused(400, "invalid_scope"),
    "answered 401 invalid_client": refused(401, "invalid_client"),
    "answered 400": refused(400, "hidden"),
    "answered 403": answer(403, b"hidden"),
    "answered 404": answer(404),
    "answered 302": answer(302, headers={"Location": "http://hidden/"}),
    "expected a bearer token, got one of another type": granted(token_type="mac"),
}


@pytest.mark.parametrize(("message", "behaviour"), TO_BE_MENDED.items())
async def test_what_somebody_has_to_mend_is_not_tried_again(behaviour, message):
    """It names the endpoint and at most a code of the specification."""
    async with Receiver(behaviour) as receiver:
        with pytest.raises(SecretError) as got:
            await ask(receiver.url)

    assert str(got.value) == f"token endpoint {receiver.url}: {message}"
    assert (len(receiver.requests), got.value.reason) == (1, "token")


NO_TOKENS = {
    "no JSON": answer(200, b"hidden"),
    "nested too deeply": answer(200, b"[" * 2000),
    "too large": answer(200, b'"' + b"x" * 99_999 + b'"'),
    "no life": granted(expires_in="hidden"),
    "empty": granted(""),
    "header injection": granted("hidden\r\nX: y"),
    "not ASCII": granted("hidden\u00e9"),
}


@pytest.mark.parametrize("case", NO_TOKENS)
async def test_answer_without_a_token_is_not_shown(case):
    """It may be a page for people, or a secret that came the wrong way."""
    async with Receiver(NO_TOKENS[case]) as receiver:
        with pytest.raises(SecretError, match=r"expected an? (access )?token") as got:
            await ask(receiver.url)

    assert (len(receiver.requests), got.value.reason) == (1, "token")
    assert "hidden" not in str(got.value)


async def test_endless_answer_is_cut():
    """64 KiB are enough for any token."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n"
    async with Receiver(drip(head, b"x" * 50_000, seconds=0)) as receiver:
        with pytest.raises(SecretError, match="expected an access token"):
            await ask(receiver.url)


async def test_unknown_authority_has_to_be_mended(server_tls):
    """A wrong certificate is nothing that passes."""
    async with Receiver(granted(), tls=server_tls()) as receiver:
        with pytest.raises(SecretError, match="certificate refused") as got:
            await ask(receiver.url)

    assert got.value.reason == "tls"


async def test_tls_files_are_those_of_the_endpoint(server_tls):
    """Its own authority, whatever the sink trusts."""
    files = TlsConfig(ca=CERTIFICATES / "ca.pem")
    async with Receiver(granted(), tls=server_tls()) as receiver:
        token = await ask(receiver.url, tls=files)

    assert token.text == "t1"


async def test_secret_that_is_not_there_is_named():
    """Nothing is asked without it."""
    secret = SecretFromEnv("SECRET", environ={})
    async with Receiver(granted()) as receiver:
        with pytest.raises(SecretError, match="variable SECRET"):
            await ask(receiver.url, client_secret=secret)

    assert receiver.requests == []


def test_proxy_of_another_kind_is_refused_at_once(monkeypatch):
    """A fault of the configuration is found when the endpoint is made."""
    monkeypatch.setenv("HTTP_PROXY", "socks5://b")

    with pytest.raises(ConfigError, match="PROXY: expected an http or https URL"):
        endpoint("http://a/")
