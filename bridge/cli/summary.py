"""Summarize a configuration in a few lines, its defaults included.

What has its default is left out, but for what everybody wants to know of a sink.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from bridge.config import (
    Config,
    SinkConfig,
    describe,
    explain_orderings,
)
from bridge.ingest.settings import SourceConfig
from bridge.text.escaping import one_line

_NAMING = ("name", "kind", "apiVersion", "resource")
_ADDRESS = ("name", "type", "url", "knative")
_SECTIONS = ("cluster", "delivery", "egress", "journal", "server", "events", "log")


def summarize(config: Config) -> Iterator[str]:
    """Yield lines for a person; nothing secret is in them."""
    shown = describe(config)
    for source in shown["sources"]:
        yield from _block(_source(source), _told(source, _plain_source(source)))
    orders = (line.partition(": ")[2] for line in explain_orderings(config))
    for sink, written, order in zip(shown["sinks"], config.sinks, orders, strict=True):
        told = _told(sink, _plain_sink(written))
        in_force = {"ordering": order, "breaker": sink["breaker"]}
        yield from _block(_sink(sink), in_force | told | in_force)
    for route in shown["routes"]:
        yield from _route(route)
    if not shown["routes"]:
        yield "no routes: every event to every sink"
    queue = shown["queue"]
    yield from _block(f"queue {queue['path']}, at most {queue['maxSize']}", {})
    plain = Config().model_dump(mode="json", by_alias=True)
    for section in _SECTIONS:
        if told := _told(shown[section], plain[section]):
            yield from _block(section, told)


def _source(source: Mapping[str, Any]) -> str:
    what, version = source["resource"] or source["kind"], source["apiVersion"]
    if version not in {None, "v1"}:
        what += f" of {version}"
    if selector := source["namespaceSelector"]:
        return f"source {source['name']}: {what} in namespaces with {selector}"
    where = ", ".join(source["namespaces"]) or "all namespaces"
    return f"source {source['name']}: {what} in {where}"


def _plain_source(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source of the same kind of which nothing else is said."""
    named = {key: source[key] for key in _NAMING if source[key] is not None}
    # Secrets have to be allowed.
    given = named | {"allowSecrets": source["allowSecrets"]}
    plain = SourceConfig.model_validate(given).model_dump(mode="json", by_alias=True)
    told = ("namespaces", "namespaceSelector")
    return plain | {"allowSecrets": False} | {key: source[key] for key in told}


def _sink(sink: Mapping[str, Any]) -> str:
    return f"sink {sink['name']}: {_target(sink.get('url'))}"


def _target(url: str | Mapping[str, str | None] | None) -> str:
    """Return where a sink leads, or where that is to be read."""
    if url is None or isinstance(url, str):
        return url or "standard output"
    file, env = url["file"], url["env"]
    return f"the URL in file {file}" if file else f"the URL in variable {env}"


def _plain_sink(sink: SinkConfig) -> dict[str, Any]:
    """Return a sink at the same place of which nothing else is said."""
    named = sink.model_dump(mode="json", by_alias=True, include=set(_ADDRESS))
    plain: SinkConfig = TypeAdapter(SinkConfig).validate_python(named)
    shown: dict[str, Any] = plain.model_dump(mode="json", by_alias=True)
    return shown | {"knative": False}


def _route(route: Mapping[str, Any]) -> Iterator[str]:
    sinks = "all sinks" if route["sinks"] is None else ", ".join(route["sinks"])
    sources = route["sources"]
    told = {
        "from": "all sources" if sources is None else ", ".join(sources),
        "labels": route["labels"],
    }
    told |= {f"filter {n}": one for n, one in enumerate(route["filters"], start=1)}
    count = f"{len(route['filters'])} filters"
    line = f"route {route['name']}: {count}, to {sinks or 'no sink'}"
    yield from _block(line, {key: value for key, value in told.items() if value})


def _told(shown: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from what goes without saying."""
    return {
        key: value
        for key, value in shown.items()
        if key not in _ADDRESS[:3] and value != plain.get(key)
    }


def _block(head: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield one_line(head)
    for key, value in told.items():
        yield one_line(f"  {key}: {_shown(value)}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _flow(value)


def _flow(value: Any) -> str:
    """Return a value in one line, as YAML may be written."""
    match value:
        case dict():
            inner = (
                f"{key}: {_flow(one)}" for key, one in value.items() if one is not None
            )
            return "{" + ", ".join(inner) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if value and value.isprintable() and not set(value) & set(",[]{}#'"):
            return value
        case _:
            return json.dumps(value)
