"""What no single sink can see: where dead letters go, and how many share the slots.

As in `checks`, the data is read as it was written, however wrong the rest of it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.config.document import Fault, Trail
from bridge.settings.model import did_you_mean

_KEY = "deadLetterSink"

_MOST_SHOWN = 20


def check_dead_letter_sinks(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield dead letter sinks that do not exist, or lead back to where they began."""
    sinks = data.get("sinks")
    named = [
        (index, one)
        for index, one in enumerate(sinks if isinstance(sinks, list) else ())
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    ]
    known = dict.fromkeys(one["name"] for _, one in named)
    leads = {
        one["name"]: one[_KEY] for _, one in named if isinstance(one.get(_KEY), str)
    }
    circles = _circles(leads)
    for index, one in named:
        target = one.get(_KEY)
        if not isinstance(target, str):
            continue
        message = ""
        if target not in known:
            message = f"no such sink '{target}'{did_you_mean(target, known)}"
        elif circle := circles.get(one["name"]):
            way = _way(circle, one["name"])
            message = f"expected an end to dead letters, got a circle: {way}"
        if message:
            yield Fault(trail=("sinks", index, _KEY), message=message)


def check_slots(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a cap on requests that leaves some sink without one."""
    delivery, sinks = data.get("delivery"), data.get("sinks")
    most = delivery.get("concurrency") if isinstance(delivery, dict) else None
    count = len(sinks) if isinstance(sinks, list) else 0
    if type(most) is int and 0 < most < count:
        trail: Trail = ("delivery", "concurrency")
        message = f"expected at least {count}, one for each sink, got {most}"
        yield Fault(trail=trail, message=message)


def _circles(leads: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the sinks that lead back to themselves, each with its whole circle."""
    circles: dict[str, list[str]] = {}
    seen: set[str] = set()
    for start in leads:
        way: dict[str, None] = {}
        name = start
        while name in leads and name not in seen:
            seen.add(name)
            way[name] = None
            name = leads[name]
        if name in way:
            names = list(way)
            circle = names[names.index(name) :]
            circles |= dict.fromkeys(circle, circle)
    return circles


def _way(circle: list[str], name: str) -> str:
    """Return the way round, from a sink back to itself."""
    begin = circle.index(name)
    way = [*circle[begin:], *circle[:begin]]
    shown = way if len(way) <= _MOST_SHOWN else [*way[: _MOST_SHOWN - 1], "…"]
    return " → ".join((*shown, name))
