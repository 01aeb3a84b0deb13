"""A configuration as people and editors may see it."""

from typing import Any

from pydantic import TypeAdapter

from bridge.config.models import Config
from bridge.config.ordering import orderings_of
from bridge.net.urls import HIDDEN, shown_url


def describe(config: Config) -> dict[str, Any]:
    """Return the effective configuration as plain data, fit to be shown.

    A secret is shown as the place it comes from, a URL as `shown_url` does, a header
    without its value.
    """
    shown: dict[str, Any] = config.model_dump(mode="json", by_alias=True)
    orderings = orderings_of(config)
    for sink, written in zip(shown["sinks"], config.sinks, strict=True):
        breaker = written.breaker_in_force
        sink["breaker"] = (
            breaker.model_dump(mode="json", by_alias=True) if breaker else "off"
        )
        sink["ordering"] = orderings[sink["name"]]
        _redact_urls(sink)
        _redact_urls((sink.get("auth") or {}).get("oauth2") or {})
        for name, value in sink.get("headers", {}).items():
            sink["headers"][name] = value if isinstance(value, dict) else HIDDEN
    return shown


def _redact_urls(shown: dict[str, Any]) -> None:
    for key in {"url", "proxy", "tokenUrl"}.intersection(shown):
        if isinstance(shown[key], str):
            shown[key] = shown_url(shown[key])


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document."""
    schema = TypeAdapter(Config).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    route = schema["$defs"]["RouteConfig"]["properties"]
    route["filters"]["items"] = {"$ref": "#/$defs/Filter"}
    schema["$defs"]["Filter"] = _filter_schema()
    one_of = {"oneOf": [{"required": ["env"]}, {"required": ["file"]}]}
    schema["$defs"]["SecretConfig"] |= one_of
    return schema


def _filter_schema() -> dict[str, Any]:
    """Return the form of one filter; what it means `compile_filters` judges."""
    texts = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "minProperties": 1,
    }
    several = {"type": "array", "items": {"$ref": "#/$defs/Filter"}, "minItems": 1}
    return {
        "description": "A filter of the CloudEvents Subscriptions API 0.1.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            "exact": texts | {"description": "Attributes that equal these texts."},
            "prefix": texts | {"description": "Attributes that begin with these."},
            "suffix": texts | {"description": "Attributes that end with these."},
            "all": several | {"description": "Passes when all of these pass."},
            "any": several | {"description": "Passes when one of these passes."},
            "not": {
                "$ref": "#/$defs/Filter",
                "description": "Passes when this does not.",
            },
        },
    }
