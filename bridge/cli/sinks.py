"""``kubebridge sinks``: how deliveries go, and an operator's word on them."""

from typing import Annotated

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.output import Output, Yes, confirm, show, table

app = typer.Typer(help="Where events go.", no_args_is_help=True)

_COLUMNS = {
    "name": "NAME",
    "configured": "CONFIGURED",
    "state": "STATE",
    "backlog": "BACKLOG",
    "oldestAgeSeconds": "OLDEST (S)",
    "deadLetters": "DEAD LETTERS",
    "reason": "REASON",
    "lastError": "LAST ERROR",
}

Name = Annotated[str, typer.Argument(help="Name of the sink.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Why; shown beside the state.", metavar="TEXT")
]


@app.command("list")
def list_sinks(
    url: Url = DEFAULT_URL, token_file: TokenFile = None, output: Output = None
) -> None:
    """List sinks with their state and backlog, also those no longer configured."""
    answer = Api(url, token_file).get("sinks")
    show(answer, lambda one: table(one["items"], _COLUMNS), output=output)


@app.command()
def pause(
    name: Name,
    *,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Send a sink nothing until it is resumed, also after a restart."""
    body = {"reason": reason}
    answer = Api(url, token_file).post("sinks", name, "pause", body=body)
    show(answer, lambda _: f"sink {name} gets nothing until resumed", output=output)


@app.command()
def resume(
    name: Name,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Try a sink at once, whatever holds it back."""
    answer = Api(url, token_file).post("sinks", name, "resume")
    show(answer, lambda _: f"sink {name} is tried now", output=output)


@app.command()
def purge(
    name: Name,
    *,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """End all deliveries that wait for a sink, for good."""
    confirm(f"End all deliveries that wait for sink {name}?", yes=yes)
    answer = Api(url, token_file).post("sinks", name, "purge")
    show(answer, lambda one: f"{one['purged']} deliveries ended", output=output)
