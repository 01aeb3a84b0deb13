"""The command line: ``kubebridge run``, ``demo``, and verbs that ask the API.

Verbs import what they need when they run, so that ``--help`` is there at once. Exit
codes: 0 ok, 1 failure, 2 usage or configuration, 3 queue locked, corrupt or newer,
4 the demo lost something.
"""

import sys
from io import TextIOWrapper

import typer
from typer.main import get_command

from bridge.cli import convert, deliveries, doctor, dry_run, run, sinks
from bridge.cli.output import Commands, show_crash

__all__ = ["app", "main"]

app = typer.Typer(
    name="kubebridge",
    cls=Commands,
    help="Kubernetes Events as CloudEvents to any webhook, at least once.",
    epilog="Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 queue locked, "
    "corrupt or newer, 4 the demo lost something.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (*run.VERBS, convert.convert, doctor.doctor, doctor.rbac, sinks.send_test):
    app.command()(verb)
for name, trial in dry_run.VERBS.items():
    app.command(name)(trial)
for name, group in (
    ("sources", sinks.sources),
    ("sinks", sinks.sinks),
    ("events", deliveries.events),
    ("deliveries", deliveries.deliveries),
    ("dead-letters", deliveries.dead_letters),
    ("cursors", sinks.cursors),
    ("queue", run.queue),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Run the verb on the command line, and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # whatever a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = show_crash
    get_command(app)()  # called itself, the app would set a hook of its own
