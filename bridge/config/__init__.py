"""The configuration: one YAML document, checked as a whole before anything starts.

`load_config` and `parse_config` return a `Config` whose every field has a value, or
raise `ConfigError` with one line for each fault. Defaults stand in `models` and nowhere
else; other parts never import this package, `app` translates.
"""

from bridge.config.cautions import find_cautions
from bridge.config.describe import describe, json_schema
from bridge.config.load import find_problems, load_config, parse_config
from bridge.config.missing import find_missing
from bridge.config.models import (
    AuthConfig,
    BasicAuthConfig,
    BatchConfig,
    BreakerConfig,
    Config,
    DeliveryConfig,
    EgressConfig,
    HttpSinkConfig,
    JournalConfig,
    KnativeRetryConfig,
    LogConfig,
    OAuth2Config,
    QueueConfig,
    RetryConfig,
    SecretConfig,
    ServerConfig,
    SignConfig,
    SinkConfig,
    StdoutSinkConfig,
    TlsConfig,
)
from bridge.config.ordering import explain_orderings, orderings_of
from bridge.sinks.http.settings import HandshakeConfig, OutcomesConfig

__all__ = [
    "AuthConfig",
    "BasicAuthConfig",
    "BatchConfig",
    "BreakerConfig",
    "Config",
    "DeliveryConfig",
    "EgressConfig",
    "HandshakeConfig",
    "HttpSinkConfig",
    "JournalConfig",
    "KnativeRetryConfig",
    "LogConfig",
    "OAuth2Config",
    "OutcomesConfig",
    "QueueConfig",
    "RetryConfig",
    "SecretConfig",
    "ServerConfig",
    "SignConfig",
    "SinkConfig",
    "StdoutSinkConfig",
    "TlsConfig",
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
