"""The configuration: one YAML document, checked as a whole before anything starts.

`load_config` and `parse_config` return a `Config` whose every field has a value, or
raise `ConfigError` with one line for each fault. A setting and its default stand beside
the part that they set; this package composes them into the document, so only `app` and
`cli` import it.
"""

from bridge.config.describe import (
    describe,
    explain_orderings,
    find_cautions,
    find_missing,
    json_schema,
    orderings_of,
)
from bridge.config.load import find_problems, load_config, parse_config
from bridge.config.models import Config, ServerConfig
from bridge.deliver.settings import HttpSinkConfig, SinkConfig, StdoutSinkConfig

__all__ = [
    "Config",
    "HttpSinkConfig",
    "ServerConfig",
    "SinkConfig",
    "StdoutSinkConfig",
    "describe",
    "explain_orderings",
    "find_cautions",
    "find_missing",
    "find_problems",
    "json_schema",
    "load_config",
    "orderings_of",
    "parse_config",
]
