"""What of a configuration may be seen."""

import json

from bridge.config import describe, parse_config
from tests.unit.config.faults import HOOK, NOTHING

SECRETIVE = """
sinks:
  - name: hook
    url: https://user:hunter2@example.com/hook?token=hunter2#hunter2
    proxy: http://u:hunter2@proxy:3128
    headers: {X-Tenant: hunter2, X-Key: {env: KEY}}
    auth: {basic: {username: me, password: {file: /run/password}}}
  - {name: out, type: stdout}
server: {token: {env: TOKEN}}
"""


def described(text):
    """Return what is shown of a configuration."""
    return describe(parse_config(text, name="bridge.yaml", env=NOTHING))


def test_describe_shows_no_secret():
    """Neither userinfo and query of a URL nor the value of a header."""
    shown = described(SECRETIVE)

    assert "hunter2" not in json.dumps(shown)
    assert shown["sinks"][0]["url"] == "https://***@example.com/hook?***"
    assert shown["sinks"][0]["proxy"] == "http://***@proxy:3128"
    assert shown["sinks"][0]["headers"]["X-Tenant"] == "***"


def test_describe_shows_where_secrets_come_from():
    """The name of a variable or a file is no secret."""
    shown = described(SECRETIVE)

    assert shown["server"]["token"]["env"] == "TOKEN"
    assert shown["sinks"][0]["headers"]["X-Key"]["env"] == "KEY"
    assert shown["sinks"][0]["auth"]["basic"]["password"]["file"] == "/run/password"


def test_describe_writes_values_as_the_document_does():
    """Durations and sizes are texts, keys are those of the document."""
    shown = described(HOOK)

    assert shown["sinks"][0]["timeout"] == "15s"
    assert shown["queue"]["maxSize"] == "1GiB"
    assert shown["sources"][0]["fieldSelector"] == ""


def test_what_describe_shows_is_a_configuration_again():
    """Without secrets, the effective configuration means itself."""
    shown = described(HOOK)
    for sink in shown["sinks"]:
        del sink["batch"]  # stands only beside mode batch

    again = described(json.dumps(shown))

    assert {**again, "sinks": []} == {**shown, "sinks": []}


def test_url_that_is_a_secret_is_shown_by_its_place():
    """And its parameters are no secret (issue 10, item 8)."""
    shown = described("sinks: [{name: a, url: {file: /run/url}}]")

    assert shown["sinks"][0]["url"] == {"env": None, "file": "/run/url"}


def test_token_in_a_path_is_not_shown():
    """Webhooks of chats have no other secret (issue 10, item 8)."""
    url = "https://hooks.slack.com/services/T0/B0/hunter2"

    shown = described(f"sinks: [{{name: a, url: '{url}'}}]")

    assert shown["sinks"][0]["url"] == "https://hooks.slack.com/services/***"
