"""Parts of a sink that hold state, made of its settings."""

import pytest

from bridge.sinks.http.auth import BasicAuth, BearerAuth, OAuth2Auth, build_auth
from bridge.sinks.http.settings import AuthConfig, SignConfig
from bridge.sinks.http.signing import HubSigner, StandardSigner, build_signer
from bridge.sinks.transports.egress import Egress

TOKEN = {"env": "TOKEN"}
OAUTH2 = {"tokenUrl": "http://a/", "clientId": "me", "clientSecret": TOKEN}


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"bearer": TOKEN}, BearerAuth),
        ({"basic": {"username": "u", "password": TOKEN}}, BasicAuth),
        ({"oauth2": OAUTH2}, OAuth2Auth),
    ],
)
async def test_auth_is_of_the_kind_that_is_written(written, kind, monkeypatch):
    """Its secret is read where it is written."""
    monkeypatch.setenv("TOKEN", "hidden")
    auth = build_auth(AuthConfig(**written), timeout_seconds=4.0, egress=Egress())

    assert type(auth) is kind
    assert (auth.read() if kind is OAuth2Auth else auth.secret.read()) == "hidden"


def test_no_settings_are_no_parts():
    """Neither credentials nor signatures."""
    assert build_auth(None, timeout_seconds=4.0, egress=Egress()) is None
    assert build_signer(None) is None


@pytest.mark.parametrize(
    ("scheme", "kind"), [("hub", HubSigner), ("standard", StandardSigner)]
)
def test_signer_is_of_the_scheme_that_is_written(scheme, kind, tmp_path):
    """Its key is in a file."""
    (tmp_path / "key").write_text("hidden\n")
    settings = SignConfig(scheme=scheme, secrets=[{"file": tmp_path / "key"}])

    signer = build_signer(settings)

    assert type(signer) is kind
    assert signer.read() == ["hidden"]
