"""How verbs answer: lines for a person, JSON for a pipe, errors on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from bridge.errors import (
    ConfigError,
    KubebridgeError,
    QueueCorruptError,
    QueueLockedError,
    QueueNewerError,
)

FAILED, UNUSABLE, NO_QUEUE = 1, 2, 3
"""Exit codes: failure; usage or configuration; queue locked, corrupt or newer."""


class Form(StrEnum):
    """What is printed."""

    JSON = "json"
    TEXT = "text"


Output = Annotated[
    Form | None,
    typer.Option(
        "--output",
        "-o",
        help="What is printed; default: text on a terminal, JSON in a pipe.",
        show_default=False,
    ),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def show(data: Any, text: Callable[[Any], str], *, output: Form | None) -> None:
    """Print `data`: as JSON, or as what `text` makes of it."""
    if output is None:
        output = Form.TEXT if sys.stdout.isatty() else Form.JSON
    if output is Form.JSON:
        typer.echo(as_json(data))
    elif lines := text(data):
        typer.echo(lines)


def as_json(data: Any) -> str:
    """Return JSON that a person can read too."""
    return json.dumps(data, indent=2, ensure_ascii=False)


def table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Return the rows under headings, in the manner of kubectl.

    Args:
        rows: What to show.
        columns: Heading by key of a row.
    """
    cells = [list(columns.values())]
    cells += [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "   ".join(map(str.ljust, line, widths)).rstrip() for line in cells
    )


def _cell(value: object) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.1f}"
    return " ".join(str(value).split())


def fail(lines: str | Sequence[str], *, code: int = FAILED) -> typer.Exit:
    """Print why on standard error; return what to raise."""
    for line in [lines] if isinstance(lines, str) else lines:
        typer.echo(f"kubebridge: {line}", err=True)
    return typer.Exit(code)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error that kubebridge can name into a line and its exit code."""
    try:
        yield
    except ConfigError as error:
        raise fail(error.problems, code=UNUSABLE) from error
    except (QueueLockedError, QueueCorruptError, QueueNewerError) as error:
        raise fail(str(error), code=NO_QUEUE) from error
    except KubebridgeError as error:
        raise fail(str(error)) from error


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal; a script is taken at its word."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)
