"""``kubebridge queue``: the one verb that touches the queue's file."""

import typer

app = typer.Typer(help="The queue's file.", no_args_is_help=True)
