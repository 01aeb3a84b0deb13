"""``kubebridge sinks``: how deliveries go, and an operator's word on them."""

from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.output import Output, OutputFormat, Yes, age, confirm, show, table

app = typer.Typer(help="Where events go.", no_args_is_help=True)

_COLUMNS = {
    "name": "NAME",
    "state": "STATE",
    "backlog": "WAITING",
    "delivered": "DELIVERED",
    "deadLetters": "DEAD",
    "success": "TAKEN",
    "failure": "FAILED",
    "why": "WHY",
}
_WIDE_COLUMNS = {
    "name": "NAME",
    "configured": "CONFIGURED",
    "state": "STATE",
    "backlog": "WAITING",
    "oldestAgeSeconds": "OLDEST (S)",
    "leased": "LEASED",
    "delayed": "DELAYED",
    "delivered": "DELIVERED",
    "deadLetters": "DEAD",
    "lastSuccessAt": "TAKEN",
    "lastErrorAt": "FAILED",
    "why": "WHY",
    "until": "NEXT TRY",
    "lastError": "LAST ERROR",
}

Sink = Annotated[str, typer.Argument(help="Name of the sink.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Why; shown beside the state.", metavar="TEXT")
]


@app.command("list")
def list_sinks(
    url: Url = DEFAULT_URL, token_file: TokenFile = None, output: Output = None
) -> None:
    """List sinks with their state and backlog, also those no longer configured.

    What they have taken counts from the start of the bridge. Why: what holds a sink
    back, or what its last attempt failed of; an error that is over is in `-o wide`.
    """
    answer = Api(url, token_file).get("sinks")
    columns = _WIDE_COLUMNS if output is OutputFormat.WIDE else _COLUMNS
    show(
        answer,
        lambda one: table([_row(sink) for sink in one["items"]], columns),
        output=output,
    )


@app.command()
def pause(
    sink: Sink,
    *,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Send a sink nothing until it is resumed, also after a restart."""
    body = {"reason": reason}
    answer = Api(url, token_file).post("sinks", sink, "pause", body=body)
    show(answer, lambda _: f"sink {sink} gets nothing until resumed", output=output)


@app.command()
def resume(
    sink: Sink,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Try a sink at once, whatever holds it back."""
    answer = Api(url, token_file).post("sinks", sink, "resume")
    show(answer, lambda _: f"sink {sink} is tried now", output=output)


@app.command()
def purge(
    sink: Sink,
    *,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """End all deliveries that wait for a sink, for good."""
    confirm(f"End all deliveries that wait for sink {sink}?", yes=yes)
    answer = Api(url, token_file).post("sinks", sink, "purge")
    show(answer, lambda one: f"{one['purged']} deliveries ended", output=output)


def _row(sink: dict[str, Any]) -> dict[str, Any]:
    why = sink["reason"] or (sink["lastError"] if sink["failing"] else "")
    return sink | {
        "why": why if sink["configured"] else "not configured",
        "success": age(sink["lastSuccessAt"]),
        "failure": age(sink["lastErrorAt"]),
    }
