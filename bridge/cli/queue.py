"""``kubebridge queue``: the one verb that touches the queue's file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.output import Output, explained, show

app = typer.Typer(help="The queue's file.", no_args_is_help=True)


@app.command()
def recover(
    path: Annotated[Path, typer.Argument(help="The damaged file; it stays as it is.")],
    to: Annotated[
        Path | None,
        typer.Option(help="The new file; default: PATH.recovered.", show_default=False),
    ] = None,
    output: Output = None,
) -> None:
    """Salvage rows from a damaged file.

    Into a new one, while no bridge runs. What cannot be told to be delivered waits
    again: better a repeat than a loss.
    """
    from bridge.queue.sqlite.recover import recover as salvage  # noqa: PLC0415  # apsw

    target = to or path.with_name(f"{path.name}.recovered")
    with explained():
        found = asdict(salvage(path, target))
    answer = {"path": str(path), "to": str(target), **found}
    show(answer, _summary, output=output)


def _summary(found: dict[str, Any]) -> str:
    counts = [
        f"{count} {name.replace('_', ' ')}"
        for name, count in found.items()
        if name not in {"path", "to"}
    ]
    return (
        f"recovered to {found['to']}: {', '.join(counts)}\n"
        f"to use it: mv {found['to']} {found['path']}"
    )
