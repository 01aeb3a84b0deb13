"""What people see of a URL, and what is secret in it (issue 10, item 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.net.urls import credentials_of, parse_url, shown_url, url_secrets

TOKEN = "aB3dE6gH9jK2mN5pQ8sT1v"
HEX = "0123456789abcdef0123456789abcdef"

SHOWN = {
    "https://billing.example.com/events": "https://billing.example.com/events",
    "http://broker.svc/shop/default": "http://broker.svc/shop/default",
    "https://a.b/apis/x.dev/v1/namespaces/eu-2024-production": (
        "https://a.b/apis/x.dev/v1/namespaces/eu-2024-production"
    ),
    "https://me:word@a.b:8443/in#part": "https://***@a.b:8443/in",
    "https://a.b/in?sig=abc&x=1": "https://a.b/in?***",
    "https://hooks.slack.com/services/T0/B0/tok": "https://hooks.slack.com/services/***",
    "https://HOOKS.Slack.com.:443/services/T0": (
        "https://HOOKS.Slack.com.:443/services/***"
    ),
    "https://x.webhook.office.com/webhookb2/g@h/IncomingWebhook/i/j": (
        "https://x.webhook.office.com/webhookb2/***"
    ),
    "https://p.eu.logic.azure.com/workflows/1/triggers/manual?sig=x": (
        "https://p.eu.logic.azure.com/workflows/***?***"
    ),
    "https://discord.com/api/webhooks/1/tok": "https://discord.com/api/webhooks/***",
    "https://api.telegram.org/bot1:tok/send": "https://api.telegram.org/***",
    f"https://chat.example.com/hooks/{HEX}": "https://chat.example.com/hooks/***",
    f"https://a.b/{TOKEN}/x": "https://a.b/***/x",
    f"/relative/{TOKEN}": "/relative/***",
    "http://[::1": "***",
    "http://[::1]@": "http://***@",
}


@pytest.mark.parametrize(("url", "shown"), SHOWN.items())
def test_shown_url_hides_what_is_secret_and_shows_the_rest(url, shown) -> None:
    """User and password, query, tokens of the path (issue 10, item 8)."""
    assert shown_url(url) == shown


@given(st.text(alphabet="http://[]@:%?#\\aZ1.\x00é{}&=") | st.text())
def test_shown_url_takes_any_text(text) -> None:
    """Receivers choose what stands in Location (issue 10, item 31)."""
    assert "?" not in shown_url(text).removesuffix("?***")


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://hooks.slack.com/services/T0/B0/tok", "/services/T0/B0/tok"),
        (f"https://hooks.slack.com/services/T0/B0/{TOKEN}", TOKEN),
        ("https://a.b/in?sig=abcdefgh&x=1", "abcdefgh"),
        ("https://a.b/in?sig=abcdefgh&x=1", "sig=abcdefgh&x=1"),
        ("https://me:password@a.b/in", "password"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_secrets_of_a_url_are_known(url, secret) -> None:
    """So that an answer that quotes them can be redacted (issue 10, item 39)."""
    assert secret in url_secrets(url)


def test_url_that_is_a_secret_has_a_secret_path() -> None:
    """Whatever it looks like (issue 10, item 8)."""
    assert "/hooks/red" in url_secrets("https://a.b/hooks/red", is_secret=True)


def test_plain_url_has_no_secrets() -> None:
    """Nothing of it is taken out of messages."""
    assert url_secrets("https://billing.example.com/events") == []


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://proxy:3128", []),
        ("http://me@proxy:3128", []),
        ("me:a%21b@proxy:3128", ["me:a%21b", "a%21b", "a!b", "bWU6YSFi"]),
        ("http://[::1", ["http://[::1"]),
    ],
)
def test_credentials_in_a_url_are_known(url, secrets) -> None:
    """As they are written, meant and sent (issue 10, item 39)."""
    assert credentials_of(url) == secrets


@pytest.mark.parametrize("text", ["http://[::1]@", "http://[", "http://a\\b", "//:x"])
def test_text_that_is_no_url_is_an_error_of_one_kind(text) -> None:
    """Whatever the library raises of it; it is not quoted (issue 10, item 31)."""
    with pytest.raises(ValueError, match=r"^expected a URL, got something else$"):
        parse_url(text)
