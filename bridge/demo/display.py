"""Show the demo at work: a live screen, or plain lines in a pipe."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.demo.receivers import Receiver

SHOWN_NEWS = 4
SHOWN_WRITES = 4
SECONDS_BETWEEN_LINES = 1.0

State = Literal["starting", "running", "killed"]
_STYLES: Mapping[State, str] = {"starting": "cyan", "running": "green", "killed": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The numbers of deliveries that the bridge reports for a sink."""

    waiting: int = 0
    dead: int = 0


@dataclass(slots=True, kw_only=True)
class Progress:
    """The state of things, in numbers.

    Attributes:
        api_url: Of the API server.
        kubeconfig: The way to it.
        kubectl: What to try after ``kubectl``.
        bridge_url: Of the bridge's own API.
        folder: Where its configuration, queue and output lie.
        receivers: All three.
        backlogs: By receiver; the last that the bridge said.
        seconds: How long it has run.
        written: Revisions so far.
        restarts: How often the bridge was killed and started again.
        expired: How often history was compacted away under its watch.
        lost: As of the last time the books were closed; None: never yet.
        state: Of the bridge's process: ``starting``, ``running`` or ``killed``.
    """

    api_url: str
    kubeconfig: Path
    kubectl: str
    bridge_url: str
    folder: Path
    receivers: Sequence[Receiver]
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)
    seconds: float = 0.0
    written: int = 0
    restarts: int = 0
    expired: int = 0
    lost: int | None = None
    state: State = "starting"

    def backlog(self, receiver: Receiver) -> Backlog:
        """Return what waits for a receiver, as far as the bridge has said."""
        return self.backlogs.get(receiver.name, Backlog())

    @property
    def troubles(self) -> str:
        """The faults that the bridge met, and their results."""
        lost = "not counted yet" if self.lost is None else self.lost
        return f"restarts {self.restarts}  watches expired {self.expired}  lost {lost}"


class Display:
    """Shows progress on a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console, *, is_quiet: bool) -> None:
        """Show on `console`; `is_quiet` prints no lines where nobody watches."""
        self.console = console
        self.news: deque[Text] = deque([Text()] * SHOWN_NEWS, SHOWN_NEWS)
        self.writes: deque[Text] = deque([Text()] * SHOWN_WRITES, SHOWN_WRITES)
        self._is_quiet = is_quiet
        self._live: Live | None = None
        self._next_line = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show while the block runs."""
        if not self.console.is_terminal:
            yield
            return
        live = Live(console=self.console, auto_refresh=False, transient=True)
        with live as self._live:
            yield
        self._live = None

    def tell(self, what: str, style: str = "") -> None:
        """Show news; elsewhere than on a terminal they are a line at once."""
        self.news.append(_stamped(what, style))
        if self._live is None:
            self._print(what)

    def write(self, what: str, style: str = "") -> None:
        """Show what the workload wrote, on a terminal only."""
        self.writes.append(_stamped(what, style))

    def update(self, progress: Progress) -> None:
        """Show the state of things."""
        if self._live is not None:
            self._live.update(
                screen(progress, (*self.news, *self.writes)), refresh=True
            )
        elif progress.seconds >= self._next_line:
            self._next_line = progress.seconds + SECONDS_BETWEEN_LINES
            self._print(line(progress))

    def _print(self, text: str) -> None:
        if not self._is_quiet:
            self.console.print(text, soft_wrap=True, highlight=False, markup=False)


def line(progress: Progress) -> str:
    """Return the state of things as one line."""
    receivers = (
        f"{one.name} {len(one.taken)} (waiting {progress.backlog(one).waiting}, "
        f"dead {progress.backlog(one).dead})"
        for one in progress.receivers
    )
    begin = f"{progress.seconds:5.1f} s  written {progress.written}"
    return "  ".join([begin, *receivers, progress.troubles])


def screen(progress: Progress, happenings: Iterable[Text]) -> RenderableType:
    """Return the state of things for a terminal of 80 columns and 24 lines."""
    blank = Text()
    above, below = (_head(progress), blank), (blank, _table(progress), blank)
    return Group(*above, *happenings, *below, _foot(progress))


def _stamped(what: str, style: str) -> Text:
    at = datetime.now().astimezone()
    return Text(f"{at:%H:%M:%S}  {what}", style, no_wrap=True, overflow="ellipsis")


def _head(progress: Progress) -> RenderableType:
    minutes, seconds = divmod(int(progress.seconds), 60)
    state = Text(progress.state, _STYLES[progress.state])
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_row("kubebridge demo", f"{minutes}:{seconds:02}")
    grid.add_row("API server", progress.api_url)
    grid.add_row("bridge", Text.assemble(f"{progress.bridge_url}/docs  ", state))
    grid.add_row("files", str(progress.folder))
    grid.add_row("try", f"export KUBECONFIG={progress.kubeconfig}")
    grid.add_row("", f"kubectl {progress.kubectl}")
    return grid


def _table(progress: Progress) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("receiver")
    table.add_column(no_wrap=True)
    for heading in ("has", "twice", "refused", "waiting", "dead letters"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in progress.receivers:
        backlog = progress.backlog(one)
        has = (len(one.taken), one.duplicates, one.refused)
        numbers = (*has, backlog.waiting, backlog.dead)
        table.add_row(one.name, one.note, *map(str, numbers))
    return table


def _foot(progress: Progress) -> RenderableType:
    return Text.assemble(
        f"written {progress.written}  ",
        (progress.troubles, "bold red" if progress.lost else "bold green"),
        "\nCtrl-C closes the books",
    )
