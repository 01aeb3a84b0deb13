"""``kubebridge cursors``: where reading goes on."""

from typing import Annotated

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.output import Output, Yes, confirm, show, table

app = typer.Typer(help="Where reading goes on.", no_args_is_help=True)

_COLUMNS = {
    "id": "ID",
    "cluster": "CLUSTER",
    "resource": "RESOURCE",
    "namespace": "NAMESPACE",
    "fieldSelector": "FIELDS",
    "labelSelector": "LABELS",
    "resourceVersion": "VERSION",
    "moved": "MOVED",
    "inUse": "IN USE",
}

Id = Annotated[str, typer.Argument(metavar="ID", help="As `cursors list` shows it.")]


@app.command("list")
def list_cursors(
    url: Url = DEFAULT_URL, token_file: TokenFile = None, output: Output = None
) -> None:
    """List all cursors, also those that no source uses any more."""
    answer = Api(url, token_file).get("cursors")
    show(answer, lambda one: table(one["items"], _COLUMNS), output=output)


@app.command("set")
def set_cursor(
    cursor: Id,
    version: Annotated[str, typer.Argument(help="resourceVersion to go on from.")],
    *,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Go on from another version; what is skipped is lost, the rest repeated."""
    confirm(f"Go on from {version}, and skip what lies between?", yes=yes)
    body = {"resourceVersion": version}
    answer = Api(url, token_file).put("cursors", cursor, body=body)
    show(answer, lambda one: table([one], _COLUMNS), output=output)


@app.command()
def reset(
    cursor: Id,
    *,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Forget a cursor: reading starts anew, as the source's `initial` says."""
    confirm(f"Forget cursor {cursor}, and what was known at it?", yes=yes)
    Api(url, token_file).delete("cursors", cursor)
    show({"reset": cursor}, lambda _: f"cursor {cursor} forgotten", output=output)
