"""``kubebridge queue``: the one verb that touches the queue's file."""

import re
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
    counts = {_in_camel_case(name): count for name, count in found.items()}
    answer = {"path": str(path), "to": str(target), **counts}
    show(answer, _summary, output=output)


def _in_camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _in_words(name: str) -> str:
    return re.sub("([A-Z])", r" \1", name).lower()


def _summary(found: dict[str, Any]) -> str:
    counts = [
        f"{count} {_in_words(name)}"
        for name, count in found.items()
        if name not in {"path", "to"}
    ]
    return (
        f"recovered to {found['to']}: {', '.join(counts)}\n"
        f"to use it: mv {found['to']} {found['path']}"
    )
