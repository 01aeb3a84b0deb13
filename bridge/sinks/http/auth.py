"""How a sink knows us: the value of `Authorization`, or a token that is fetched."""

import base64

from bridge.sinks.http.oauth2 import OAuth2Auth
from bridge.sinks.http.settings import AuthConfig
from bridge.sinks.http.token_endpoint import TokenEndpoint
from bridge.sinks.secrets import Secret
from bridge.sinks.transports.egress import Egress


class BearerAuth:
    """A bearer token (RFC 6750, 2.1)."""

    def __init__(self, *, token: Secret) -> None:
        """Send `token` as it is at the time of the request."""
        self.secret = token

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        return f"Bearer {self.secret.read()}"


class BasicAuth:
    """User and password (RFC 7617)."""

    def __init__(self, *, username: str, password: Secret) -> None:
        """Send `password` as it is at the time of the request."""
        self.secret = password
        self._username = username

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        pair = f"{self._username}:{self.secret.read()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


HeaderAuth = BasicAuth | BearerAuth
"""Sets `Authorization` and nothing else, so that it needs no request to do it."""


def build_auth(
    settings: AuthConfig | None, *, timeout_seconds: float, egress: Egress
) -> HeaderAuth | OAuth2Auth | None:
    """Return how a sink knows us; None: it does not ask.

    Args:
        settings: Exactly one of its keys is set.
        timeout_seconds: Of an attempt; getting a token may take half of it.
        egress: Where connections to the token endpoint may lead.

    Raises:
        ConfigError: The token endpoint's proxy is not an HTTP proxy.
    """
    if settings is None:
        return None
    if settings.basic is not None:
        password = settings.basic.password.open()
        return BasicAuth(username=settings.basic.username, password=password)
    if settings.oauth2 is not None:
        endpoint = TokenEndpoint(
            settings.oauth2, timeout_seconds=timeout_seconds / 2, egress=egress
        )
        return OAuth2Auth(endpoint)
    assert settings.bearer is not None  # noqa: S101  # the model says: one of the three
    return BearerAuth(token=settings.bearer.open())
