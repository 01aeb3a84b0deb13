"""How verbs answer."""

import sys
from datetime import UTC, datetime, timedelta

import pytest
import typer

from bridge.cli.output import OutputFormat, age, confirm, explained, show, table
from bridge.errors import (
    ConfigError,
    QueueCorruptError,
    QueueError,
    QueueLockedError,
    QueueNewerError,
)


def test_a_table_is_aligned_and_shows_what_is_missing():
    """Every cell is one line; nothing, none and empty are a dash."""
    rows = [
        {"a": "x\ny", "b": True, "c": 1.25, "d": ["p", "q"]},
        {"a": "", "b": False, "c": None, "d": []},
    ]

    lines = table(rows, {"a": "A", "b": "B", "c": "LONG", "d": "D"}).splitlines()

    assert lines == [
        "A     B     LONG   D",
        "x y   yes   1.2    p,q",
        "-     no    -      -",
    ]


def test_a_table_without_rows_has_its_headings():
    """So that one sees what there would be."""
    assert table([], {"a": "A", "b": "B"}) == "A   B"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["a", "b"]), 2),
        (QueueLockedError("a\n"), 3),
        (QueueCorruptError("a"), 3),
        (QueueNewerError("a"), 3),
        (QueueError("a"), 1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_errors_that_have_a_name_become_lines_and_exit_codes(capsys, error, code):
    """Nobody sees a traceback of them."""
    with pytest.raises(typer.Exit) as raised, explained():
        raise error

    assert raised.value.exit_code == code
    assert capsys.readouterr().err.startswith("kubebridge: a\n")


def test_a_terminal_gets_text(capsys, monkeypatch):
    """Nothing is printed where there is nothing to say."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    show({"a": 1}, lambda one: f"a is {one['a']}", output=None)
    show({"a": 1}, lambda _: "", output=None)

    assert capsys.readouterr().out == "a is 1\n"


@pytest.mark.parametrize(
    ("is_terminal", "yes", "asked"),
    [(True, False, True), (True, True, False), (False, True, False)],
)
def test_only_a_person_is_asked(monkeypatch, is_terminal, yes, asked):
    """A script that says yes is taken at its word."""
    questions = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: is_terminal)
    monkeypatch.setattr(typer, "confirm", lambda text, **_: questions.append(text))

    confirm("Sure?", yes=yes)

    assert questions == (["Sure?"] if asked else [])


def test_where_nobody_can_be_asked_yes_must_be_said(monkeypatch, capsys):
    """As through `kubectl exec` without a terminal (issue 10, item 17)."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)

    with pytest.raises(typer.Exit) as raised:
        confirm("Sure?", yes=False)

    said = "kubebridge: Sure? Expected --yes: there is no terminal to ask at\n"
    assert (raised.value.exit_code, capsys.readouterr().err) == (2, said)


@pytest.fixture
def terminal(monkeypatch):
    """Return what makes standard output a terminal of some width."""

    def of(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return of


COLUMNS = {"name": "NAME", "why": "WHY", "n": "N", "error": "ERROR"}
ROW = {"name": "a-name-of-some-length", "why": "w" * 60, "n": 5, "error": "e" * 200}


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_rows_fit_a_terminal(capsys, terminal, columns):
    """The widest columns are cut, the name is not (issue 10, item 21)."""
    terminal(columns)

    show([ROW], lambda rows: table(rows, COLUMNS), output=None)

    _, row = capsys.readouterr().out.splitlines()
    assert len(row) == columns
    assert row.startswith("a-name-of-some-length   www")
    assert row.endswith("e…")


@pytest.mark.parametrize("output", [OutputFormat.WIDE, OutputFormat.TEXT])
def test_rows_are_whole_when_asked_for_and_in_a_pipe(
    capsys, terminal, monkeypatch, output
):
    """Nothing is lost to who does not look at a terminal."""
    terminal(40)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: output is OutputFormat.WIDE)

    show([ROW], lambda rows: table(rows, COLUMNS), output=output)

    assert ROW["error"] in capsys.readouterr().out


def test_a_terminal_may_be_too_narrow(capsys, terminal):
    """Then lines are longer; there is no column of nothing."""
    terminal(3)

    show([ROW], lambda rows: table(rows, COLUMNS), output=None)

    assert capsys.readouterr().out.splitlines()[1] == (
        "a-name-of-some-length   wwwww…   5   eeeee…"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (2e5, "2d")],
)
def test_an_age_is_short(seconds, shown):
    """In one unit, as kubectl has it; clocks may differ."""
    then = datetime.now(UTC) - timedelta(seconds=seconds + 0.1)

    assert age(then.isoformat()) == shown
    assert age(None) is None
