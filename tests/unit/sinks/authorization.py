"""A token endpoint in this process: what it answers, and who asks it."""

import json

import pytest
from pydantic.alias_generators import to_camel

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.http.auth import OAuth2Auth
from bridge.sinks.http.token_endpoint import TokenEndpoint
from bridge.sinks.secrets import SecretText
from tests.unit.sinks.building import oauth2_settings
from tests.unit.sinks.receiver import answer
from tests.unit.sinks.samples import event

JSON = {"Content-Type": "application/json"}


def granted(token="t1", **more):
    """Answer with a token; keywords are further members."""
    members = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
    return answer(200, json.dumps(members | more).encode(), JSON)


def refused(status, code):
    """Answer as RFC 6749, 5.2 says, and tell too much."""
    text = {"error": code, "error_description": "hidden is not your secret"}
    return answer(status, json.dumps(text).encode(), JSON)


class Sleeps:
    """Waits no time at all, and remembers how long it should have been."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        """See `asyncio.sleep`."""
        self.seconds.append(seconds)


CLIENT = ("client_id", "scopes", "audience", "method", "tls", "proxy")


def endpoint(url, *, client_secret=None, **changes):
    """Build a client of a token endpoint; keywords change it, or its settings."""
    secret = client_secret or SecretText("hidden")
    asked = {to_camel(name): changes.pop(name) for name in CLIENT if name in changes}
    settings = oauth2_settings(url, client_secret=secret, **asked)
    return TokenEndpoint(
        settings, **{"timeout_seconds": 2.0, "sleep": Sleeps()} | changes
    )


def oauth2(url, **changes):
    """Build the authentication of a sink."""
    return OAuth2Auth(endpoint(url, **changes))


def timed(tokens, now):
    """Build an authentication whose time a test moves."""
    auth = oauth2(tokens.url, now=now)
    auth._now = now
    return auth


class Time:
    """A clock that stands still until it is told otherwise."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        """Return the seconds."""
        return self.seconds


def sent(receiver):
    """Return what stood in Authorization, request by request."""
    return [request.headers["authorization"] for request in receiver.requests]


async def fault_of(sink, number=1):
    """Send an event that is not delivered; return why."""
    with pytest.raises((TemporarySinkError, SinkPausedError)) as caught:
        await sink.send([event(number)])
    return caught.value
