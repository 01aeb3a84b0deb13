"""The verb convert: a file of another program becomes a configuration of ours."""

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import FAILED, UNUSABLE, echo, explained, fail
from bridge.files.reading import read_file


def convert(
    file: Annotated[
        Path,
        typer.Argument(
            help="A configuration of kubernetes-event-exporter, or the manifest of a "
            "Knative ApiServerSource."
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the report too; default: standard error alone.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Convert a file of another program to a configuration.

    The configuration is printed, the report goes to standard error: by line what is the
    same, what behaves differently, and what has no equivalent. Secrets are not
    printed; the report says which variables they belong in.
    """
    from bridge.config.parts import find_unusable  # noqa: PLC0415  # imports everything
    from bridge.config.text import MOST_BYTES  # noqa: PLC0415  # pydantic
    from bridge.migrate import convert as convert_text  # noqa: PLC0415

    try:
        text = read_file(file, most_bytes=MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise fail(f"{file}: cannot be read: {reason}", code=UNUSABLE) from error
    with explained():
        converted = convert_text(text, name=file.name, check=find_unusable)
    lines = "\n".join(converted.report.lines())
    echo(lines, err=True)
    if report is not None:
        report.write_text(f"{lines}\n")
    if converted.text is None:
        raise fail(f"{file}: no receiver of it can be converted", code=FAILED)
    echo(converted.text, nl=False)
