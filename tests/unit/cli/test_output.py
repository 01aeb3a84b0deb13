"""How verbs answer."""

import sys

import pytest
import typer

from bridge.cli.output import confirm, explained, show, table
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
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_only_a_person_is_asked(monkeypatch, is_terminal, yes, asked):
    """A script is taken at its word."""
    questions = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: is_terminal)
    monkeypatch.setattr(typer, "confirm", lambda text, abort: questions.append(text))

    confirm("Sure?", yes=yes)

    assert questions == (["Sure?"] if asked else [])
