"""How sinks and the bridge know each other: the models of `auth` and `sign`."""

import json

import pytest

from bridge.config import describe as show
from bridge.config import parse_config as parse
from bridge.sinks.http.settings import OAuth2Config, SignConfig
from bridge.sinks.secrets import SecretConfig
from bridge.sinks.settings import TlsConfig
from tests.unit.config.faults import NOTHING

OAUTH2 = """
sinks:
  - name: hook
    url: https://example.com
    auth:
      oauth2:
        tokenUrl: https://login.example.com/token?tenant=hunter2
        clientId: kubebridge
        clientSecret: {env: SECRET}
        scopes: [events.write, "https://x/.default"]
        audience: https://example.com
        method: client_secret_post
        tls: {ca: login.pem}
        proxy: http://u:hunter2@proxy:3128
    sign: {secrets: [{env: NEW}, {file: old}]}
"""


def hook(text):
    """Return the first sink of a document in /etc."""
    return parse(text, name="/etc/bridge.yaml", env=NOTHING).sinks[0]


def test_oauth2_is_read_whole():
    """Every key has its value afterwards."""
    auth = hook(OAUTH2).auth

    assert auth.oauth2 == OAuth2Config(
        tokenUrl="https://login.example.com/token?tenant=hunter2",
        clientId="kubebridge",
        clientSecret=SecretConfig(env="SECRET"),
        scopes=("events.write", "https://x/.default"),
        audience="https://example.com",
        method="client_secret_post",
        tls=TlsConfig(ca="/etc/login.pem"),
        proxy="http://u:hunter2@proxy:3128",
    )


def test_standard_is_the_scheme_of_signatures():
    """With as many active keys as there are."""
    sign = hook(OAUTH2).sign

    assert sign == SignConfig(scheme="standard", secrets=sign.secrets)
    assert [(one.env, one.file and str(one.file)) for one in sign.secrets] == [
        ("NEW", None),
        (None, "/etc/old"),
    ]


def test_nothing_secret_of_them_is_shown():
    """Neither in the URL of the token endpoint nor in that of its proxy."""
    shown = show(parse(OAUTH2, name="bridge.yaml", env=NOTHING))

    oauth2 = shown["sinks"][0]["auth"]["oauth2"]
    assert "hunter2" not in json.dumps(shown)
    assert oauth2["tokenUrl"] == "https://login.example.com/token?***"
    assert oauth2["proxy"] == "http://***@proxy:3128"
    assert oauth2["clientSecret"] == {"env": "SECRET", "file": None}


@pytest.mark.parametrize("auth", ["null", "{bearer: {env: A}}"])
def test_other_credentials_are_shown_as_ever(auth):
    """A sink without OAuth 2.0 has no token endpoint to hide."""
    text = f"sinks: [{{name: a, url: 'http://h', auth: {auth}}}]"

    assert show(parse(text, name="bridge.yaml", env=NOTHING))["sinks"][0]["name"] == "a"
