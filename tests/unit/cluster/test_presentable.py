"""What a plugin wrote to stderr, made fit to be shown (issue 10, item 34)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cluster.session.presentable import presentable, secret_values

SECRET = "hunter2-Hunter2-hunter2"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        f"token: {SECRET}",
        f"using access_token={SECRET}&x=1",
        f'{{"refresh_token": "{SECRET}", "x": 1}}',
        f"Authorization: Bearer {SECRET}",
        f"sent bearer {SECRET} to nobody",
        f"AWS_SECRET_ACCESS_KEY = '{SECRET}'",
        f"password:{SECRET}",
        f"https://me:{SECRET}@issuer.example/x failed",
        f"GET https://issuer.example/x?code={SECRET} failed",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        f"got {SECRET.encode().hex()}",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text):
    """By the words beside it, or because nothing else is that long."""
    shown = presentable(text)

    assert SECRET not in shown
    assert SECRET.encode().hex() not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "token",
    [JWT, "A" * 30 + "1", "ab/cd+ef" * 5 + "1==", "0123456789abcdef0123456789abcdef"],
)
def test_what_is_long_and_no_word_is_hidden(token):
    """A JSON Web Token, base64, hexadecimal digits."""
    assert presentable(f"refused {token}, sorry") == "refused ***, sorry"


def test_a_known_secret_is_hidden_though_it_looks_like_a_word():
    """What the kubeconfig gives to the plugin in `env`."""
    shown = presentable("no such user: correct horse", secrets=["correct horse", "no"])

    assert shown == "no such user: ***"


@pytest.mark.parametrize(
    "text",
    [
        "log in first",
        "Unable to locate credentials. You can configure them by `aws sso login`.",
        "the token has expired: run gcloud auth login",
        "open /home/someone/.config/gcloud/application_default.json: no such file",
    ],
)
def test_what_helps_is_shown(text):
    """An error is there to be read."""
    assert presentable(text) == text


@pytest.mark.parametrize("length", [2_000, 100_000])
def test_a_secret_that_is_cut_is_not_shown(length):
    """The last word is left out where there was more (issue 10, item 34)."""
    text = "no! " * (length // 4) + "correct-horse"

    shown = [presentable(text, is_cut=True), presentable("correct-hor", is_cut=True)]

    assert shown == [("no! " * 64)[:256], "..."]


@settings(deadline=None)
@given(st.text())
def test_nothing_unprintable_is_shown(text):
    """No escape sequence, no other direction, no second line; and not too much."""
    shown = presentable("\x1b[2J\u202e\x9b" + text)

    assert shown.isprintable() or not shown
    assert len(shown) <= 256


def test_variables_with_telling_names_are_secrets():
    """Their values are searched for in what is shown."""
    environ = {"MY_TOKEN": "a", "DB_PASSWORD": "b", "HOME": "c", "AWS_PROFILE": "d"}

    assert secret_values(environ) == ["a", "b"]
