"""``kubebridge dead-letters``: deliveries that were given up."""

from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, Most, TokenFile, Url
from bridge.cli.output import UNUSABLE, Output, Yes, as_json, confirm, fail, show, table

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

Handles = Annotated[list[str] | None, typer.Argument(help="Which; or --all.")]
All = Annotated[bool, typer.Option("--all", help="All there are, of --sink if given.")]
OfSink = Annotated[
    str | None, typer.Option("--sink", help="Only of this sink.", show_default=False)
]


@app.command("list")
def list_dead_letters(
    sink: OfSink = None,
    limit: Most = 50,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """List dead letters, oldest first."""
    answer = Api(url, token_file).pages("dead-letters", limit=limit, sink=sink)
    show(answer, lambda one: table(one["items"], _COLUMNS), output=output)


@app.command("show")
def show_dead_letter(
    handle: Annotated[str, typer.Argument(help="As `dead-letters list` shows it.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Show one dead letter with its event and the last answer."""
    answer = Api(url, token_file).get("dead-letters", handle)
    show(answer, as_json, output=output)


@app.command()
def replay(
    *,
    handles: Handles = None,
    every: All = False,
    sink: OfSink = None,
    to: Annotated[
        str | None,
        typer.Option(help="Another sink to deliver them to.", show_default=False),
    ] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Deliver dead letters anew, with their own ids."""
    body = _selection(handles, every=every, sink=sink)
    if to is not None:
        body["to"] = to
    answer = Api(url, token_file).post("dead-letters", "replay", body=body)
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
    sink: OfSink = None,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Throw dead letters away, for good."""
    body = _selection(handles, every=every, sink=sink)
    if every:
        confirm(f"Throw away all dead letters of {sink or 'every sink'}?", yes=yes)
    answer = Api(url, token_file).post("dead-letters", "purge", body=body)
    show(answer, lambda one: f"{one['purged']} dead letters gone", output=output)


def _selection(
    handles: list[str] | None, *, every: bool, sink: str | None
) -> dict[str, Any]:
    if bool(handles) == every:
        raise fail("expected either handles or --all", code=UNUSABLE)
    if sink is not None and not every:
        raise fail("expected --sink only beside --all", code=UNUSABLE)
    if handles:
        return {"handles": handles}
    return {"all": True} | ({} if sink is None else {"sink": sink})
