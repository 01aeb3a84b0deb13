"""``kubebridge deliveries``: why something did not arrive, and how it does."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.listing import After, Follow, Listing, Most
from bridge.cli.output import (
    UNUSABLE,
    Output,
    Yes,
    as_json,
    confirm,
    fail,
    show,
    table,
)
from bridge.cli.selection import (
    Attribute,
    Reason,
    Route,
    Since,
    Sink,
    Until,
    selection,
    step_by_step,
)

app = typer.Typer(
    help="Events on their way to sinks, and afterwards.", no_args_is_help=True
)

_COLUMNS = {
    "handle": "HANDLE",
    "sink": "SINK",
    "state": "STATE",
    "attempts": "ATTEMPTS",
    "status": "STATUS",
    "reason": "REASON",
    "due": "DUE",
    "subject": "SUBJECT",
    "id": "ID",
}
_TRY_COLUMNS = {
    "number": "ATTEMPT",
    "at": "AT",
    "durationSeconds": "SECONDS",
    "ending": "ENDING",
    "status": "STATUS",
    "reason": "REASON",
    "excerpt": "ANSWER",
}
_LONGEST_CELL = 80


class State(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class InState(StrEnum):
    """How far those that are listed have come."""

    ALL = "all"
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


Listed = Annotated[InState, typer.Option("--state", help="How far they have come.")]
OfState = Annotated[
    State | None,
    typer.Option(
        "--state",
        help="Events of deliveries in this state; default: all that are stored.",
        show_default=False,
    ),
]


@app.command("list")
def list_deliveries(
    *,
    state: Listed = InState.ALL,
    sink: Sink = None,
    route: Route = None,
    since: Since = None,
    until: Until = None,
    attribute: Attribute = None,
    reason: Reason = None,
    limit: Most = 50,
    after: After = None,
    follow: Follow = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """List deliveries, newest first."""
    meant = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    meant["state"] = state.value
    listing = Listing(Api(url, token_file), "deliveries", meant, columns=_COLUMNS)
    listing.show(limit=limit, after=after, follow=follow, output=output)


@app.command("show")
def show_delivery(
    handle: Annotated[str, typer.Argument(help="As `deliveries list` shows it.")],
    sink: Annotated[str, typer.Argument(help="Name of the sink.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Show one delivery with every attempt that is remembered."""
    answer = Api(url, token_file).get("deliveries", handle, sink)
    show(answer, _described, output=output)


@app.command()
def replay(
    *,
    handles: Annotated[
        list[str] | None,
        typer.Argument(
            help="Of events (e1) or dead letters (d1); else all that is meant."
        ),
    ] = None,
    to_sink: Annotated[str, typer.Option(help="Sink to deliver them to.")],
    backfill: Annotated[
        bool,
        typer.Option(
            "--backfill",
            help="What its routes lead there; then also what the API server holds.",
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Everything that is stored.")
    ] = False,
    state: OfState = None,
    sink: Sink = None,
    route: Route = None,
    since: Since = None,
    until: Until = None,
    attribute: Attribute = None,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Deliver events to a sink anew, with their own ids."""
    body = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    if state is not None:
        body["state"] = state.value
    if handles and (body or backfill or every):
        raise fail("expected either handles or options that select", code=UNUSABLE)
    if not (handles or body or backfill or every):
        raise fail("expected handles, --all, or options that select", code=UNUSABLE)
    if handles:
        body["handles"] = handles
    body |= {"toSink": to_sink, "backfill": backfill}
    api = Api(url, token_file)
    answer = step_by_step(lambda one: api.post("deliveries", "replay", body=one), body)
    show(answer, _reached, output=output)


@app.command()
def purge(
    sink: Annotated[str, typer.Argument(help="Whose waiting deliveries.")],
    *,
    route: Route = None,
    since: Since = None,
    until: Until = None,
    attribute: Attribute = None,
    reason: Reason = None,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """End deliveries that wait for a sink, for good."""
    body = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    confirm(f"End these deliveries that wait for sink {sink}?", yes=yes)
    api = Api(url, token_file)
    answer = step_by_step(lambda one: api.post("deliveries", "purge", body=one), body)
    show(answer, lambda one: f"{one['purged']} deliveries ended", output=output)


def attempts_table(tries: list[dict[str, Any]]) -> str:
    """Return attempts for a person; of an answer only the beginning."""
    rows = [one | {"excerpt": one["excerpt"][:_LONGEST_CELL]} for one in tries]
    return table(rows, _TRY_COLUMNS)


def _described(delivery: dict[str, Any]) -> str:
    parts = [table([delivery], _COLUMNS), "", attempts_table(delivery["tries"])]
    if delivery["content"] is not None:
        parts += ["", as_json(delivery["content"])]
    return "\n".join(parts)


def _reached(answer: dict[str, Any]) -> str:
    lines = [f"{answer['replayed']} replayed, {answer['skipped']} skipped"]
    if answer["oldest"] is not None:
        lines.append(f"{answer['kept']} were stored, since {answer['oldest']}")
    for one in answer["listed"]:
        oldest = "" if one["oldest"] is None else f", the oldest of {one['oldest']}"
        lines.append(
            f"{one['replayed']} from a list of {one['listed']} {one['resource']}"
            f" in {one['namespace']}{oldest}"
        )
    return "\n".join(lines)
