"""``kubebridge dead-letters``: deliveries that were given up."""

from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.deliveries import attempts_table
from bridge.cli.listing import After, Follow, Listing, Most
from bridge.cli.output import UNUSABLE, Output, Yes, as_json, confirm, fail, show, table
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

app = typer.Typer(help="Deliveries that were given up.", no_args_is_help=True)

_COLUMNS = {
    "handle": "HANDLE",
    "sink": "SINK",
    "died": "DIED",
    "attempts": "ATTEMPTS",
    "status": "STATUS",
    "reason": "REASON",
    "id": "ID",
}

Handles = Annotated[list[str] | None, typer.Argument(help="Of which ones; or --all.")]
All = Annotated[
    bool,
    typer.Option("--all", help="All there are, or all that other options select."),
]


@app.command("list")
def list_dead_letters(
    *,
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
    """List dead letters, newest first."""
    meant = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    listing = Listing(Api(url, token_file), "dead-letters", meant, columns=_COLUMNS)
    listing.show(limit=limit, after=after, follow=follow, output=output)


@app.command("show")
def show_dead_letter(
    handle: Annotated[str, typer.Argument(help="As `dead-letters list` shows it.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Show one dead letter with its event, its attempts and the last answer."""
    answer = Api(url, token_file).get("dead-letters", handle)
    show(answer, _described, output=output)


@app.command()
def replay(
    *,
    handles: Handles = None,
    every: All = False,
    to_sink: Annotated[
        str | None,
        typer.Option(help="Another sink to deliver them to.", show_default=False),
    ] = None,
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
    """Deliver dead letters anew, with their own ids."""
    meant = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    body = _chosen(handles, every=every, meant=meant)
    if to_sink is not None:
        body["toSink"] = to_sink
    api = Api(url, token_file)
    answer = step_by_step(
        lambda one: api.post("dead-letters", "replay", body=one), body
    )
    show(
        answer,
        lambda one: f"{one['replayed']} replayed, {one['skipped']} skipped",
        output=output,
    )


@app.command()
def purge(
    *,
    handles: Handles = None,
    every: All = False,
    sink: Sink = None,
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
    """Throw dead letters away, for good."""
    meant = selection(
        sink=sink,
        route=route,
        since=since,
        until=until,
        attribute=attribute,
        reason=reason,
    )
    body = _chosen(handles, every=every, meant=meant)
    which = "the dead letters that are selected" if meant else "all dead letters"
    if handles:
        which = f"{len(handles)} dead letters"
    confirm(f"Throw away {which}?", yes=yes)
    api = Api(url, token_file)
    answer = step_by_step(lambda one: api.post("dead-letters", "purge", body=one), body)
    show(answer, lambda one: f"{one['purged']} dead letters gone", output=output)


def _chosen(
    handles: list[str] | None, *, every: bool, meant: dict[str, Any]
) -> dict[str, Any]:
    if bool(handles) == every:
        raise fail("expected either handles or --all", code=UNUSABLE)
    if meant and not every:
        name = next(iter(meant))
        raise fail(f"expected --{name} only beside --all", code=UNUSABLE)
    return {"handles": handles} if handles else {"all": True, **meant}


def _described(letter: dict[str, Any]) -> str:
    parts = [table([letter], _COLUMNS), "", attempts_table(letter["tries"])]
    return "\n".join([*parts, "", as_json(letter["event"])])
