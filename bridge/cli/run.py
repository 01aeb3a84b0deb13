"""Verbs that need no running bridge: run, demo, validate, schema, version, queue."""

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import bridge
from bridge.cli.client import DEFAULT_URL, Api
from bridge.cli.options import ConfigPath, TokenFile
from bridge.cli.output import (
    UNUSABLE,
    Output,
    OutputFormat,
    echo,
    explained,
    fail,
    show,
)
from bridge.errors import ConfigError

queue = typer.Typer(help="The queue's file.", no_args_is_help=True)


def run(config: ConfigPath = None) -> None:
    """Read the cluster and deliver.

    Until told to stop (SIGTERM, Ctrl-C); SIGHUP reads the configuration again.
    """
    from bridge.app import main  # noqa: PLC0415  # imports everything

    with explained():
        code = main(config_path=config)
    raise typer.Exit(code)


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="One round of some 10 s, then a ledger.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the ledger as JSON.")
    ] = False,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            help="A cluster to play on, in a namespace of its own; default: an API "
            "server in this process.",
            show_default=False,
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(help="Context in the kubeconfig.", show_default=False),
    ] = None,
) -> None:
    """Show the whole path at work.

    An API server, a workload that makes Kubernetes Events, the bridge, and receivers
    that answer well, badly and not at all; what is lost is counted.
    """
    from bridge.demo.run import main  # noqa: PLC0415  # imports everything

    code = main(once=once, as_json=as_json, kubeconfig=kubeconfig, context=context)
    raise typer.Exit(code)


def validate(
    config: ConfigPath = None,
    output: Output = None,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="KUBEBRIDGE_URL",
            help="A running bridge to compare with: would deliveries be left waiting "
            f"for a sink that is gone? E.g. {DEFAULT_URL}.",
            show_default=False,
        ),
    ] = None,
    token_file: TokenFile = None,
) -> None:
    """Check a configuration.

    With what K_SINK and K_CE_OVERRIDES in the environment add to it. Warns of filters
    that can never match, and of files and variables that are named and missing here.
    """
    from bridge.cli.summary import summarize  # noqa: PLC0415
    from bridge.config import (  # noqa: PLC0415
        describe,
        explain_orderings,
        find_cautions,
        find_missing,
        load_config,
    )
    from bridge.config.parts import find_unusable  # noqa: PLC0415  # imports everything

    try:
        loaded = load_config(config, os.environ, check=find_unusable)
    except ConfigError as error:
        answer = {"valid": False, "problems": list(error.problems)}
        show(answer, lambda _: "", output=output)
        raise fail(error.problems, code=UNUSABLE) from error
    effective = describe(loaded)
    warnings = [
        *loaded.warnings,
        *find_cautions(loaded),
        *find_missing(loaded, os.environ),
    ]
    if url:
        warnings += _left_waiting(Api(url, token_file), effective)
    for warning in warnings:
        echo(f"warning: {warning}", err=True)
    show(
        {
            "valid": True,
            "problems": [],
            "warnings": warnings,
            "notes": list(explain_orderings(loaded)),
            "config": effective,
        },
        lambda _: "\n".join(["valid", *summarize(loaded)]),
        output=output,
    )


def _left_waiting(api: Api, config: dict[str, Any]) -> list[str]:
    configured = {sink["name"] for sink in config["sinks"]}
    return [
        f"{sink['backlog']} deliveries wait for sink '{sink['name']}', which this "
        "configuration does not have; they stay until it returns or is purged"
        for sink in api.items("sinks", fields={"name": str, "backlog": int})
        if sink["backlog"] and sink["name"] not in configured
    ]


def schema() -> None:
    """Print the configuration's JSON Schema."""
    from bridge.config import json_schema  # noqa: PLC0415  # pydantic

    show(json_schema(), str, output=OutputFormat.JSON)


def version(output: Output = None) -> None:
    """Print the version."""
    show(
        {"version": bridge.__version__},
        lambda one: f"kubebridge {one['version']}",
        output=output,
    )


@queue.command()
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


VERBS = (run, demo, validate, schema, version)
"""The verbs of the first level."""
