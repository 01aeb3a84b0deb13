"""What a configuration may say, and had better not."""

from collections.abc import Iterator

from bridge.config.models import Config
from bridge.config.sinks import HttpSinkConfig


def find_cautions(config: Config) -> list[str]:
    """Return one line for each thing that is allowed and dangerous."""
    return [
        f"{place}.insecureSkipVerify: any certificate is accepted, so whoever is "
        "between can read and change what is sent; see tls.ca and tls.serverName"
        for place in _unverified(config)
    ]


def _unverified(config: Config) -> Iterator[str]:
    for index, sink in enumerate(config.sinks):
        if not isinstance(sink, HttpSinkConfig):
            continue
        if sink.tls.insecure_skip_verify:
            yield f"sinks[{index}].tls"
        oauth2 = sink.auth.oauth2 if sink.auth else None
        if oauth2 is not None and oauth2.tls.insecure_skip_verify:
            yield f"sinks[{index}].auth.oauth2.tls"
