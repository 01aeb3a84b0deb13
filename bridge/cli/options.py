"""Options that verbs share: each is defined once, and a verb names what it takes.

`with_options` gives a verb ready values, made of options that stand in its place::

    @with_options(api=Api, selection=selects("sink", "since"))
    def purge(*, api: Api, selection: JsonObject) -> None: ...

has the options ``--url``, ``--token-file``, ``--output``, ``--sink`` and ``--since``.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.output import UNUSABLE, fail

JsonObject = dict[str, Any]
"""A JSON object of the API."""

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGE = re.compile(r"([0-9]+[dhms])+")

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="KUBEBRIDGE_CONFIG",
        help="The configuration, a YAML file; may be absent where K_SINK is set.",
        show_default=False,
    ),
]
Url = Annotated[
    str,
    typer.Option("--url", envvar="KUBEBRIDGE_URL", help="Where the bridge listens."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File with the bearer token; default: KUBEBRIDGE_TOKEN.",
        show_default=False,
    ),
]
Handle = Annotated[str, typer.Argument(help="As the verb `list` shows it.")]
SinkName = Annotated[str, typer.Argument(help="Name of the sink.")]


def _option(name: str, kind: Any, text: str) -> Any:
    return Annotated[
        kind | None, typer.Option(f"--{name}", help=text, show_default=False)
    ]


_SELECTION = {
    "sink": _option("sink", str, "Only of this sink."),
    "route": _option("route", str, "Only events that this route chose."),
    "since": _option(
        "since", str, "Only events stored since: RFC 3339, or an age such as 1h30m."
    ),
    "until": _option("until", str, "Only events stored before: RFC 3339, or an age."),
    "attribute": _option(
        "attribute",
        list[str],
        "Only events with name=value, or name=start*; repeatable.",
    ),
    "reason": _option(
        "reason",
        str,
        "Only what failed so: a status (503, 5xx) or a word (timeout).",
    ),
}
"""The options that select deliveries, and their values in the API's requests."""


def selects(*names: str) -> Callable[..., JsonObject]:
    """Return a function of these options that gives what the API takes for them.

    Options that were not given are left out. It raises `typer.Exit` (2) if a time is
    unreadable.
    """

    def selection(**given: Any) -> JsonObject:
        for name in {"since", "until"} & set(given):
            given[name] = time_of(f"--{name}", given[name])
        return {name: one for name, one in given.items() if one not in (None, [])}

    vars(selection)["__signature__"] = Signature(
        [_keyword(name, _SELECTION[name], None) for name in names or _SELECTION]
    )
    return selection


def with_options(
    **makers: Callable[..., Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb values that are made of options.

    Args:
        makers: By parameter of the verb: makes its value. The parameters of a maker
            are options of the verb.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def run(**given: Any) -> None:
            for name, make in makers.items():
                options = signature(make).parameters
                given[name] = make(**{option: given.pop(option) for option in options})
            verb(**given)

        vars(run)["__signature__"] = Signature(_parameters(verb, makers))
        run.__annotations__ = {
            one.name: one.annotation for one in _parameters(verb, makers)
        }
        return run

    return decorate


def _parameters(
    verb: Callable[..., None], makers: dict[str, Callable[..., Any]]
) -> list[Parameter]:
    found: list[Parameter] = []
    for one in signature(verb).parameters.values():
        inner = [one]
        if one.name in makers:
            inner = list(signature(makers[one.name]).parameters.values())
        found += [_keyword(each.name, each.annotation, each.default) for each in inner]
    return found


def _keyword(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(
        name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


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
