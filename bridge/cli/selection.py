"""Options that say which deliveries are meant, the same for every verb."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from bridge.cli.output import UNUSABLE, fail

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGE = re.compile(r"([0-9]+[dhms])+")

Sink = Annotated[
    str | None,
    typer.Option("--sink", help="Only of this sink.", show_default=False),
]
Route = Annotated[
    str | None,
    typer.Option(
        "--route", help="Only events that this route chose.", show_default=False
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only events stored since: RFC 3339, or an age such as 1h30m.",
        show_default=False,
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        help="Only events stored before: RFC 3339, or an age.",
        show_default=False,
    ),
]
Attribute = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        help="Only events with name=value, or name=start*; repeatable.",
        show_default=False,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason",
        help="Only what failed so: a status (503, 5xx) or a word (timeout).",
        show_default=False,
    ),
]


def selection(
    *,
    sink: str | None = None,
    route: str | None = None,
    since: str | None = None,
    until: str | None = None,
    attribute: list[str] | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Return what the API takes for these options; what was not given is left out.

    Raises:
        typer.Exit: 2, a time is none.
    """
    given = {
        "sink": sink,
        "route": route,
        "since": time_of("--since", since),
        "until": time_of("--until", until),
        "attribute": attribute or None,
        "reason": reason,
    }
    return {name: value for name, value in given.items() if value is not None}


def time_of(option: str, text: str | None) -> str | None:
    """Return a time in RFC 3339; an age counts from now.

    Raises:
        typer.Exit: 2, it is neither.
    """
    if text is None:
        return None
    try:
        if _AGE.fullmatch(text):
            return (datetime.now(UTC) - _age(text)).isoformat()
        return datetime.fromisoformat(text).isoformat()
    except (ValueError, OverflowError) as error:
        problem = f"{option} {text}: expected RFC 3339, or an age such as 1h30m"
        raise fail(problem, code=UNUSABLE) from error


def _age(text: str) -> timedelta:
    seconds = sum(
        int(part[:-1]) * _SECONDS[part[-1]]
        for part in re.findall(r"[0-9]+[dhms]", text)
    )
    return timedelta(seconds=seconds)


def step_by_step(
    ask: Callable[[Mapping[str, Any]], dict[str, Any]], body: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what came of a request that is continued until all is done.

    Numbers are added up, lists joined; `oldest` is the oldest.
    """
    try:
        total = dict(ask(body))
        while total["next"] is not None:
            answer = _step(ask, body, total["next"])
            total = {name: _joined(name, total[name], answer[name]) for name in total}
        del total["next"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"expected the API of kubebridge, got another answer ({error!r})"
        raise fail(problem) from error
    return total


def _step(
    ask: Callable[[Mapping[str, Any]], dict[str, Any]],
    body: Mapping[str, Any],
    place: Any,
) -> dict[str, Any]:
    answer = ask({**body, "after": place})
    if answer["next"] == place:
        raise ValueError("the same step again")
    return answer


def _joined(name: str, one: Any, other: Any) -> Any:
    if name == "next":
        return other
    if name == "listed":
        return _by_place([*one, *other])
    return _added(name, one, other)


def _added(name: str, one: Any, other: Any) -> Any:
    if name == "oldest":
        return min((time for time in (one, other) if time is not None), default=None)
    return one + other


def _by_place(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in listed:
        place = (one["resource"], one["namespace"])
        last = found.get(place)
        found[place] = one if last is None else _sum(last, one)
    return list(found.values())


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    names = ("listed", "replayed", "oldest")
    return {**one, **{name: _added(name, one[name], other[name]) for name in names}}
