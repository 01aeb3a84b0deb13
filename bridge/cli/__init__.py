"""The command line: ``kubebridge run``, ``demo``, and verbs that ask the API.

Verbs import what they need when they run, so that ``--help`` is there at once. Exit
codes: 0 ok, 1 failure, 2 usage or configuration, 3 queue locked, corrupt or newer,
4 the demo lost something.
"""

import sys
from io import TextIOWrapper

import typer
from typer.main import get_command

from bridge.cli import (
    cursors,
    dead_letters,
    deliveries,
    doctor,
    events,
    queue,
    rbac,
    sinks,
    sources,
)
from bridge.cli import probe as send_test
from bridge.cli import run as process
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
process.add_to(app)
app.command()(doctor.doctor)
app.command()(rbac.rbac)
app.command()(send_test.send_test)
app.add_typer(sources.app, name="sources")
app.add_typer(sinks.app, name="sinks")
app.add_typer(events.app, name="events")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(cursors.app, name="cursors")
app.add_typer(queue.app, name="queue")


def main() -> None:
    """Run the verb on the command line, and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # whatever a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = show_crash
    get_command(app)()  # called itself, the app would set a hook of its own
