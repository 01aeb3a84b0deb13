"""Show a configuration to people and editors, with its schema, orders and cautions."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bridge.config.models import Config, HttpSinkConfig
from bridge.net.urls import HIDDEN, shown_url
from bridge.queue import Ordering
from bridge.queue.settings import QueueConfig
from bridge.settings.model import Model
from bridge.sinks.secrets import SecretConfig
from bridge.text.escaping import one_line


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
    """Return the JSON Schema of one filter; `compile_filters` judges its meaning."""
    texts = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "minProperties": 1,
    }
    listed = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    some = texts | {"additionalProperties": {"anyOf": [{"type": "string"}, listed]}}
    numbers = texts | {"additionalProperties": {"type": "number"}}
    several = {"type": "array", "items": {"$ref": "#/$defs/Filter"}, "minItems": 1}
    return {
        "description": "A filter of the CloudEvents Subscriptions API 0.1.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            "exact": some | {"description": "Attributes that equal these texts."},
            "prefix": texts | {"description": "Attributes that begin with these."},
            "suffix": texts | {"description": "Attributes that end with these."},
            "regex": texts | {"description": "Attributes in which these are found."},
            "min": numbers | {"description": "Numbers that are at least these."},
            "max": numbers | {"description": "Numbers that are at most these."},
            "when": {"type": "string", "description": "An expression that is true."},
            "all": several | {"description": "Passes when all of these pass."},
            "any": several | {"description": "Passes when one of these passes."},
            "not": {
                "$ref": "#/$defs/Filter",
                "description": "Passes when this does not.",
            },
        },
    }


def orderings_of(config: Config) -> Mapping[str, Ordering]:
    """Return the order of each sink by its name: as written, else as its events need.

    Of a resource the last change has to win: a receiver that gets a deletion before the
    modification that preceded it keeps an object that is gone. Each Kubernetes Event is
    news by itself, so they may go side by side.
    """
    changed = _with_changes(config)
    return {
        sink.name: sink.ordering or ("object" if sink.name in changed else "none")
        for sink in config.sinks
    }


def explain_orderings(config: Config) -> Iterator[str]:
    """Yield a line for each sink: its order, and why it is that."""
    changed = _with_changes(config)
    for sink in config.sinks:
        if sink.ordering is not None:
            why = f"{sink.ordering}, as configured"
        elif sink.name in changed:
            why = f"object, for source {changed[sink.name]} brings changes of resources"
        else:
            why = "none, for it gets Kubernetes Events alone"
        yield f"ordering of sink {sink.name}: {why}"


def _with_changes(config: Config) -> dict[str, str]:
    """Return the sinks that get changes of resources, and a source of these."""
    sources = {
        source.name: None for source in config.sources if not source.target.is_events
    }
    everywhere = [sink.name for sink in config.sinks]
    if not config.routes:
        return {sink: source for source in list(sources)[:1] for sink in everywhere}
    found: dict[str, str] = {}
    for route in config.routes:
        taken = sources if route.sources is None else route.sources
        source = next((one for one in taken if one in sources), None)
        if source is not None:
            for sink in everywhere if route.sinks is None else route.sinks:
                found.setdefault(sink, source)
        if len(found) == len(everywhere):
            break  # thousands of routes to thousands of sinks say no more
    return found


def find_cautions(config: Config) -> list[str]:
    """Return a line for each setting that is allowed and dangerous."""
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


def find_missing(config: Config, env: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each file that cannot be read and each variable that is not set.

    Asked only by `validate` and `doctor`: the machine that checks a configuration need
    not be the one that runs it, and a file may come later.

    Args:
        config: The configuration.
        env: The environment.
    """
    for trail, value in _places(config, ""):
        problem = ""
        if isinstance(value, Path):
            problem = _problem(value)
        elif value.env and not env.get(value.env):
            problem = f"variable {value.env} is not set, or empty"
        if problem:
            yield one_line(f"{trail}: {problem}")


def _places(value: Any, trail: str) -> Iterator[tuple[str, Path | SecretConfig]]:
    """Yield each path and secret of the document, with its key."""
    if isinstance(value, Path | SecretConfig):
        yield trail, value
    for step, inner in _parts(value):
        yield from _places(inner, f"{trail}{step}".removeprefix("."))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case QueueConfig():
            return  # its files are made
        case Model():
            for name, field in type(value).model_fields.items():
                yield f".{field.alias or name}", getattr(value, name)
        case dict():
            yield from ((f".{key}", one) for key, one in value.items())
        case tuple():
            yield from ((f"[{index}]", one) for index, one in enumerate(value))
        case _:
            return


def _problem(path: Path) -> str:
    """Return why a file cannot be read; it is not opened, for it may be a pipe."""
    try:
        path.stat()
    except FileNotFoundError:
        return f"no such file: {path}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"cannot be read: {path}: {reason.lower()}"
    return "" if os.access(path, os.R_OK) else f"not allowed to read {path}"
