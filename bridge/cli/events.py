"""``kubebridge events``: events that are still stored."""

from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, Most, TokenFile, Url
from bridge.cli.output import Output, as_json, show, table
from bridge.cli.selection import Attribute, Since, selection

app = typer.Typer(help="Events still stored.", no_args_is_help=True)

_COLUMNS = {
    "handle": "HANDLE",
    "stored": "STORED",
    "waiting": "WAITING FOR",
    "reason": "REASON",
    "subject": "SUBJECT",
    "id": "ID",
}


@app.command("list")
def list_events(
    *,
    since: Since = None,
    waiting: Annotated[
        str | None,
        typer.Option(help="Only those waiting for this sink.", show_default=False),
    ] = None,
    attribute: Attribute = None,
    limit: Most = 50,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """List stored events, oldest first."""
    answer = Api(url, token_file).pages(
        "events",
        limit=limit,
        waiting=waiting,
        **selection(since=since, attribute=attribute),
    )
    show(answer, lambda one: _lines(one["items"]), output=output)


@app.command("show")
def show_event(
    handle: Annotated[str, typer.Argument(help="As `events list` shows it.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Show one event whole."""
    answer = Api(url, token_file).get("events", handle)
    show(answer, as_json, output=output)


@app.command()
def replay(
    sink: Annotated[str, typer.Argument(help="Where to.")],
    handles: Annotated[list[str], typer.Argument(help="Which events.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Deliver stored events to a sink anew, with their own ids."""
    body = {"sink": sink, "handles": handles}
    answer = Api(url, token_file).post("events", "replay", body=body)
    show(
        answer,
        lambda one: f"{one['replayed']} replayed, {one['skipped']} skipped",
        output=output,
    )


def _lines(events: list[dict[str, Any]]) -> str:
    return table([one | one["attributes"] for one in events], _COLUMNS)
