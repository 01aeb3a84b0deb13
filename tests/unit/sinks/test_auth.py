"""Secrets, and the headers made of them."""

import pytest

from bridge.sinks.http.auth import BasicAuth, BearerAuth
from bridge.sinks.http.request import RequestHeaders
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretFromEnv, SecretFromFile, SecretText
from tests.unit.sinks.building import given

TOKEN = SecretText("abc")


def test_secret_from_env_is_stripped():
    """A line break that came with the value is not part of it."""
    assert SecretFromEnv("TOKEN", environ={"TOKEN": " abc\n"}).read() == "abc"


def test_secret_from_env_is_that_of_the_process(monkeypatch):
    """Unless told otherwise, the process's own environment is read."""
    monkeypatch.setenv("KUBEBRIDGE_TEST_TOKEN", "abc")

    assert SecretFromEnv("KUBEBRIDGE_TEST_TOKEN").read() == "abc"


@pytest.mark.parametrize("environ", [{}, {"TOKEN": " \n"}])
def test_secret_from_env_that_is_not_set_names_the_variable(environ):
    """The error says which variable has no value."""
    with pytest.raises(SecretError, match="variable TOKEN: expected a value") as got:
        SecretFromEnv("TOKEN", environ=environ).read()

    assert got.value.reason == "secret"


def test_secret_from_file_is_read_again_when_it_changes(tmp_path):
    """A second after the last look the file is looked at again."""
    seconds = iter([0.0, 0.9, 1.0]).__next__
    path = tmp_path / "token"
    path.write_text("first\n")
    secret = SecretFromFile(path, now=seconds)

    before = secret.read()
    path.write_text("second\n")

    assert [before, secret.read(), secret.read()] == ["first", "first", "second"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"\n", "expected a value, got none"),
        (b"hidden\nhidden", "expected one line of printable text"),
        (b"hidden\xff", "expected text in UTF-8"),
    ],
)
def test_secret_from_file_that_is_no_use_is_named_and_not_shown(
    tmp_path, content, message
):
    """The error names the file and says why, and shows nothing of it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SecretError, match=f"secret file {path}: {message}") as got:
        SecretFromFile(path).read()

    assert "hidden" not in str(got.value)
    assert got.value.__cause__ is None or content is None


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (BearerAuth(token=TOKEN), "Bearer abc"),
        (
            BasicAuth(username="Aladdin", password=SecretText("open sesame")),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (BasicAuth(username="u", password=SecretText("£")), "Basic dTrCow=="),
    ],
)
def test_auth_sets_the_header(auth, expected):
    """The samples are RFC 7617's."""
    assert auth.header() == expected


class Changing:
    """A secret that can be changed."""

    def __init__(self, value):
        self.value = value

    def read(self):
        """See `Secret`."""
        return self.value


def headers(configured=None, auth=None):
    """Build the header fields of a sink."""
    return RequestHeaders(
        defaults={"User-Agent": "kubebridge"},
        configured=configured or {},
        auth=auth,
        content_type="application/cloudevents+json",
    )


def test_headers_are_the_same_object_until_a_secret_changes():
    """Nothing is built for an event that looks like the last one."""
    secret = Changing("one")
    fields = headers({"X-Key": given(secret)})

    first, second = fields.current(), fields.current()
    secret.value = "two"

    assert first is second
    assert first["X-Key"] == "one"
    assert fields.current()["x-key"] == "two"


def test_headers_put_what_is_configured_over_the_defaults():
    """Any field may be configured but the one that tells content modes apart."""
    fields = headers({"user-agent": "mine", "content-type": "text/plain"}).current()

    assert fields.getall("User-Agent") == ["mine"]
    assert fields.getall("Content-Type") == ["application/cloudevents+json"]


def test_headers_know_what_must_not_be_shown():
    """Each secret, and what authentication makes of it."""
    auth = BasicAuth(username="u", password=SecretText("pass"))
    fields = headers({"X-Key": given(Changing("key")), "X-Plain": "plain"}, auth)
    before = fields.secrets()

    fields.current()

    assert before == []
    assert fields.secrets() == ["key", "pass", "dTpwYXNz"]


def test_headers_hide_what_was_replaced_as_well():
    """A request with the old secret may still be under way."""
    secret = Changing("one")
    fields = headers({"X-Key": given(secret)})

    for secret.value in ("one", "two"):
        fields.current()

    assert fields.secrets() == ["two", "one"]
