"""Progress has to be readable on the smallest terminal, and in a pipe."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bridge.demo.display import Backlog, Display, Progress, line, screen
from bridge.demo.receivers import Receiver


@pytest.fixture
def progress():
    """Return what there is to show after an hour."""
    receivers = [
        Receiver(name=name, url="", note=note, mode="structured", refused=123_456)
        for name, note in (
            ("steady", "answers well"),
            ("flaky", "answers badly"),
            ("dead", "never answers"),
        )
    ]
    for number in range(1000):
        receivers[0].take(f"a-{number}", "io.kubebridge.event.normal.v1")
    return Progress(
        api_url="http://127.0.0.1:45678",
        kubeconfig=Path("/tmp/kubebridge-demo-x7k2p9qz/kubeconfig"),
        kubectl="get events --namespace shop --watch",
        bridge_url="http://127.0.0.1:45679",
        folder=Path("/tmp/kubebridge-demo-x7k2p9qz"),
        receivers=receivers,
        backlogs={"dead": Backlog(waiting=123_456, dead=123_456)},
        seconds=3605.0,
        written=123_456,
        lost=0,
        state="running",
    )


def terminal():
    """Return a console like a terminal of 80 columns and 24 lines."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=80, height=24, _environ={}
    )


def printed(console):
    """Return what was printed, line by line, without colours."""
    return console.file.getvalue().splitlines()


def test_screen_fits_into_80_columns_and_24_lines(progress):
    """Nothing is cut but long happenings."""
    console = Console(file=io.StringIO(), width=80, height=24, _environ={})
    display = Display(console, is_quiet=True)
    for _ in range(20):
        display.tell("news " + "x" * 100)
        display.write("OOMKilled pod/" + "x" * 100)

    console.print(screen(progress, (*display.news, *display.writes)))

    lines = printed(console)
    assert len(lines) <= 23  # the cursor takes one
    assert sum("…" in line for line in lines) == 8
    assert any("123456" in line and "never answers" in line for line in lines)


def test_screen_says_that_the_bridge_is_down(progress):
    """Between kill and restart the screen says so."""
    console = Console(file=io.StringIO(), width=80, _environ={})
    progress.state = "killed"

    console.print(screen(progress, []))

    assert "killed" in console.file.getvalue()


def test_line_says_it_all_in_one(progress):
    """A log shows numbers of each receiver and what is lost."""
    text = line(progress)

    assert "written 123456" in text
    assert "steady 1000 (waiting 0, dead 0)" in text
    assert text.endswith("lost 0")


def test_line_says_when_nobody_has_counted(progress):
    """Before the books were closed once nothing is known about losses."""
    progress.lost = None

    assert line(progress).endswith("lost not counted yet")


def test_display_prints_a_line_a_second_into_a_pipe(progress):
    """Lines in a pipe come at most once a second; what happens comes at once."""
    display = Display(Console(file=io.StringIO(), width=300), is_quiet=False)

    with display.shown():
        for seconds in (0.0, 0.9, 1.0, 1.5):
            progress.seconds = seconds
            display.update(progress)
        display.tell("kill -9")
        display.write("Pulled pod/a")

    lines = printed(display.console)
    assert len(lines) == 3
    assert lines[-1] == "kill -9"


def test_display_is_quiet_when_asked(progress):
    """With JSON on standard output nothing else is printed."""
    display = Display(Console(file=io.StringIO()), is_quiet=True)

    with display.shown():
        display.update(progress)
        display.tell("kill -9")

    assert printed(display.console) == []


def test_display_is_live_on_a_terminal(progress):
    """A terminal shows the screen, and is clean afterwards."""
    display = Display(terminal(), is_quiet=False)

    with display.shown():
        display.tell("kill -9")
        display.update(progress)
        shown = display.console.file.getvalue()

    assert "kill -9" in shown
    assert "kubectl get events" in shown
