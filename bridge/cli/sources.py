"""``kubebridge sources``: what is read, and how it goes."""

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.output import Output, show, table

app = typer.Typer(help="What is read.", no_args_is_help=True)

_COLUMNS = {
    "sources": "SOURCES",
    "resource": "RESOURCE",
    "namespace": "NAMESPACE",
    "state": "STATE",
    "resourceVersion": "VERSION",
    "lastProgress": "LAST PROGRESS",
    "gaps": "GAPS",
    "error": "ERROR",
}


@app.command("list")
def list_sources(
    url: Url = DEFAULT_URL, token_file: TokenFile = None, output: Output = None
) -> None:
    """List the readers; sources with the same scope share one."""
    answer = Api(url, token_file).get("sources")
    show(answer, lambda one: table(one["items"], _COLUMNS), output=output)
