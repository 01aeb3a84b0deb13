"""Print answers of verbs: lines for people, JSON for pipes, errors on standard error.

All that a verb prints leaves through `echo`, which lets nothing through that steers a
terminal; usage errors and tracebacks too, see `Commands` and `show_crash`.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from shutil import get_terminal_size
from types import TracebackType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bridge.errors import (
    ConfigError,
    KubebridgeError,
    QueueCorruptError,
    QueueLockedError,
    QueueNewerError,
)
from bridge.text.escaping import escape_controls

FAILED, UNUSABLE, NO_QUEUE = 1, 2, 3
"""Exit codes: failure; usage or configuration; queue locked, corrupt or newer."""


class OutputFormat(StrEnum):
    """The form of the output."""

    JSON = "json"
    TEXT = "text"
    WIDE = "wide"
    """Text with every column, whole, however wide the terminal."""


Output = Annotated[
    OutputFormat | None,
    typer.Option(
        "--output",
        "-o",
        help="What is printed; default: text on a terminal, JSON in a pipe. Text is "
        "cut to fit a terminal, `wide` is not.",
        show_default=False,
    ),
]

Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask; needed where nobody can be asked."),
]


_WIDTH: ContextVar[int | None] = ContextVar("_WIDTH", default=None)
"""Characters in a line of the terminal; None: there is none, or none is to be cut."""

_GAP = "   "
_LEAST_WIDTH = 6
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


_RENAMED: Final = {"--to": "--to-sink", "--waiting": "--sink"}
"""Options by the name that they had before."""


class Commands(TyperGroup):
    """Verbs whose usage errors leave as all that is printed does."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one verb, and leave with its exit code."""
        given = (args, prog_name, complete_var, False, windows_expand_args)
        try:
            code = super().main(*given, **extra)
        except typer.Abort:
            echo("Aborted!", err=True)
            code = FAILED
        except typer.TyperException as error:
            error.message = escape_controls(_renamed(error) or error.message)
            getattr(error, "show", lambda: None)()
            code = error.exit_code
        if standalone_mode:
            sys.exit(code)
        return code


def _renamed(error: typer.TyperException) -> str:
    """Return what an option is called that a verb had before; empty: it had none."""
    old, context = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    new = _RENAMED.get(old)
    if new is None or context is None:
        return ""
    if not any(new in option.opts for option in context.command.params):
        return ""
    vars(error)["possibilities"] = []
    return f"{old} was renamed to {new}"


def show_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print the traceback of what nobody expected."""
    echo("".join(traceback.format_exception(kind, error, trace)), err=True, nl=False)


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text, on standard error if `err`, without what steers a terminal."""
    typer.echo(escape_controls(text), err=err, nl=nl)


def show(data: Any, text: Callable[[Any], str], *, output: OutputFormat | None) -> None:
    """Print `data`: as JSON, or as what `text` makes of it.

    Raises:
        typer.Exit: 1, there is something else in it than the API of kubebridge gives.
    """
    if is_json(output):
        echo(as_json(data))
    elif lines := in_words(data, text, output=output):
        echo(lines)


def is_json(output: OutputFormat | None) -> bool:
    """Return whether JSON is printed."""
    if output is None:
        return not sys.stdout.isatty()
    return output is OutputFormat.JSON


def in_words(
    data: Any, text: Callable[[Any], str], *, output: OutputFormat | None
) -> str:
    """Return what `text` makes of an answer, cut to fit the terminal.

    Raises:
        typer.Exit: 1, there is something else in it than the API of kubebridge gives.
    """
    is_cut = output is not OutputFormat.WIDE and sys.stdout.isatty()
    width = _WIDTH.set(get_terminal_size().columns if is_cut else None)
    try:
        return text(data)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"expected the API of kubebridge, got another answer ({error!r})"
        raise fail(problem) from error
    finally:
        _WIDTH.reset(width)


def as_json(data: Any, *, indent: int | None = 2) -> str:
    """Return JSON that a person can read too; in one line without `indent`."""
    return json.dumps(data, indent=indent, ensure_ascii=False)


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    headings: bool = True,
) -> str:
    """Return the rows under headings, in the manner of kubectl.

    On a terminal the widest columns are cut until a row fits, but never the first.

    Args:
        rows: What to show.
        columns: Heading by key of a row.
        headings: Whether there are any.
    """
    cells = [list(columns.values())]
    cells += [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if (most := _WIDTH.get()) is not None:
        widths = _fitting(widths, most)
    return "\n".join(
        _GAP.join(map(_placed, line, widths)).rstrip()
        for line in cells[0 if headings else 1 :]
    )


def _fitting(widths: list[int], most: int) -> list[int]:
    """Return widths that fit a line, as far as that goes."""
    fitting = list(widths)
    while sum(fitting) + len(_GAP) * (len(fitting) - 1) > most:
        widest = max(range(1, len(fitting)), key=fitting.__getitem__, default=0)
        if not widest or fitting[widest] <= _LEAST_WIDTH:
            break
        fitting[widest] -= 1
    return fitting


def _placed(cell: str, width: int) -> str:
    return f"{cell[: width - 1]}…" if len(cell) > width else cell.ljust(width)


def age(time: str | None) -> str | None:
    """Return how long ago something was, as kubectl says it; None: it never was."""
    if time is None:
        return None
    seconds = (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def _cell(value: object) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.1f}"
    return " ".join(escape_controls(str(value)).split())


def fail(lines: str | Sequence[str], *, code: int = FAILED) -> typer.Exit:
    """Print why on standard error; return what to raise."""
    for line in [lines] if isinstance(lines, str) else lines:
        echo(f"kubebridge: {line}", err=True)
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
    """Ask a person before something is gone for good.

    Raises:
        typer.Exit: 2, it was not said beforehand and nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        problem = f"{question} Expected --yes: there is no terminal to ask at"
        raise fail(problem, code=UNUSABLE)
    typer.confirm(escape_controls(question), abort=True, err=True)
