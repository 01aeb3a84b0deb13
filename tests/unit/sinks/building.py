"""Sinks and their parts from keywords, as short as tests need them."""

from bridge.sinks.http.settings import (
    HandshakeConfig,
    HttpConfig,
    OAuth2Config,
    SizeConfig,
)
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.http.statuses import OutcomesConfig
from bridge.sinks.secrets import SecretConfig


class GivenSecret(SecretConfig):
    """A secret that a test has made by itself."""

    def open(self):
        """Return what the test has made."""
        return _GIVEN[self.env]


_GIVEN = {}


def given(secret):
    """Return settings of a secret that is there already."""
    name = f"given {len(_GIVEN)}"
    _GIVEN[name] = secret
    return GivenSecret(env=name)


def written(value):
    """Return a URL or a header field as settings have it."""
    is_settings = isinstance(value, str | SecretConfig)
    return value if is_settings else given(value)


def size(*, max_bytes=65536, policy="send"):
    """Return how large requests may be."""
    # Not checked: some tests want less than a receiver of ours has to take.
    return SizeConfig.model_construct(max=max_bytes, policy=policy)


def handshake(*, ttl_seconds=86400.0, requests_per_minute=None, **more):
    """Return what a receiver is asked."""
    times = {"ttl": f"{ttl_seconds}s", "rate": requests_per_minute}
    return HandshakeConfig(**times | more)


def oauth2_settings(url, *, client_secret, **more):
    """Return where tokens come from; they are asked for by ``me``."""
    secret = {"clientSecret": given(client_secret), "clientId": "me"}
    return OAuth2Config(tokenUrl=url, **secret | more)


def build_sink(url, *, batch_size=50, batch_bytes=1 << 20, headers=None, **changes):
    """Return a sink; keywords are its settings or those of the constructor."""
    parts = {"timeout_seconds": 5.0, "environ": {}}
    names = ("auth", "sign", "timeout_seconds", "retry_after_max_seconds", "environ")
    for name in (*names, "count_oversized", "egress", "now"):
        if name in changes:
            parts[name] = changes.pop(name)
    settings = {"name": "hook", "concurrency": 4, "url": written(url)} | changes
    settings["headers"] = {key: written(text) for key, text in (headers or {}).items()}
    if settings.get("mode") == "batch":
        settings["batch"] = {"size": batch_size, "bytes": f"{batch_bytes}B"}
    return HttpSink(HttpConfig(**settings), **parts)


def status_rules(words=None, *, error_attempts=None):
    """Return what an operator says of statuses, and of classes by their digit."""
    said = {"success": [], "retry": [], "dead_letter": [], "pause": []}
    for status, word in (words or {}).items():
        said[word].append(f"{status}xx" if status < 10 else status)
    # Not checked: a rule about 2xx has to do nothing.
    return OutcomesConfig.model_construct(**said, error_attempts=error_attempts)
