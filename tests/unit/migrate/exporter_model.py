"""A model of kubernetes-event-exporter's routes, written from their description.

Patterns are searched for with RE2, the engine of both programs' syntax; one that does
not compile never matches.
"""

from typing import Any

import re2

_FIELDS = {
    "message": ("message",),
    "apiVersion": ("involvedObject", "apiVersion"),
    "kind": ("involvedObject", "kind"),
    "namespace": ("metadata", "namespace"),
    "reason": ("reason",),
    "type": ("type",),
    "component": ("source", "component"),
    "host": ("source", "host"),
}


def receivers_of(route: dict[str, Any], event: dict[str, Any]) -> list[str]:
    """Return the receivers that get an event, as often as they get it."""
    if any(_matches(rule, event) for rule in route.get("drop", ())):
        return []
    matched = [(rule, _matches(rule, event)) for rule in route.get("match", ())]
    sent = [rule["receiver"] for rule, ok in matched if ok and rule.get("receiver")]
    if all(ok for _, ok in matched):
        for one in route.get("routes", ()):
            sent += receivers_of(one, event)
    return sent


def _matches(rule: dict[str, Any], event: dict[str, Any]) -> bool:
    for name, path in _FIELDS.items():
        if rule.get(name) and not _found(rule[name], _value(event, path)):
            return False
    for name in ("labels", "annotations"):
        known = event["involvedObject"].get(name, {})
        for key, pattern in rule.get(name, {}).items():
            if key not in known or not _found(pattern, known[key]):
                return False
    return event.get("count", 0) >= rule.get("minCount", 0)


def _value(event: dict[str, Any], path: tuple[str, ...]) -> str:
    value: Any = event
    for step in path:
        value = value.get(step, {})
    return value or ""


def _found(pattern: str, text: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(text) is not None
    except re2.error:
        return False
