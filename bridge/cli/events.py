"""``kubebridge events``: events that are still stored."""

from typing import Annotated

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.listing import After, Follow, Listing, Most
from bridge.cli.output import Output, as_json, show
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
    sink: Annotated[
        str | None,
        typer.Option(help="Only those waiting for this sink.", show_default=False),
    ] = None,
    attribute: Attribute = None,
    limit: Most = 50,
    after: After = None,
    follow: Follow = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """List stored events, newest first."""
    meant = selection(since=since, attribute=attribute) | {"waiting": sink}
    listing = Listing(Api(url, token_file), "events", meant, columns=_COLUMNS)
    listing.row = lambda one: one | one["attributes"]
    listing.show(limit=limit, after=after, follow=follow, output=output)


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
    handles: Annotated[list[str], typer.Argument(help="Of which events.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Deliver stored events to a sink anew, with their own ids."""
    body = {"toSink": sink, "handles": handles}
    answer = Api(url, token_file).post("events", "replay", body=body)
    show(
        answer,
        lambda one: f"{one['replayed']} replayed, {one['skipped']} skipped",
        output=output,
    )
