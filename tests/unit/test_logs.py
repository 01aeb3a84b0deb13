"""What an unexpected error looks like in the log (issue 10, item 31)."""

import logging
import sys

import pytest
import structlog

from bridge.errors import QueueError
from bridge.logs import configure_logs, get_logger
from bridge.text.tracebacks import summary, trace

TOKEN = "hunter2"


@pytest.fixture(autouse=True)
def _as_before():
    """Leave logging as it was."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(token):
    """Raise what quotes a secret that is in a local variable, too."""
    header = f"Bearer {token}"
    try:
        {}[header]
    except KeyError as error:
        raise ValueError(f"bad field {header!r}") from error


def by_structlog():
    """Log as we do."""
    get_logger().error("It broke.", exc_info=sys.exc_info())


def by_library():
    """Log as libraries and asyncio do."""
    logging.getLogger("asyncio").error("It broke.", exc_info=sys.exc_info())


@pytest.mark.parametrize("log", [by_structlog, by_library])
@pytest.mark.parametrize("form", ["json", "text"])
def test_error_is_logged_without_texts_and_local_variables(capsys, form, log):
    """In both forms, of a library's line too, causes included (issue 10, item 31)."""
    configure_logs(format=form)

    try:
        fail(TOKEN)
    except ValueError:
        log()

    said = capsys.readouterr().err
    assert TOKEN not in said
    assert "It broke." in said
    for part in ("ValueError", "KeyError", "in fail", "test_logs.py"):
        assert part in said


def test_error_before_the_configuration_is_read(capsys):
    """The same holds without `configure_logs` (issue 10, item 31)."""
    try:
        fail(TOKEN)
    except ValueError:
        by_structlog()

    said = capsys.readouterr().out
    assert "in fail" in said
    assert TOKEN not in said


def caught(error, cause=None):
    """Return the error, raised."""
    try:
        raise error from cause
    except type(error):
        return sys.exc_info()[1]


def test_error_of_ours_keeps_its_text():
    """It is written for people, without secrets."""
    assert trace(caught(QueueError("the disk is full"))).endswith(
        "QueueError: the disk is full"
    )


def test_group_tells_of_its_errors():
    """And of what they came from."""
    inner = caught(ValueError("x"), cause=KeyError("y"))

    text = trace(caught(ExceptionGroup("secret", [inner, OSError("z")])))

    assert "ExceptionGroup\n" in text
    for kind in ("  | ValueError\n", "  | KeyError\n", "  | OSError"):
        assert kind in text


def test_endless_causes_are_cut():
    """A chain of errors may be long."""
    error = ValueError(0)
    for number in range(100):
        error = caught(ValueError(number), cause=error)

    assert trace(error).count("ValueError\n") == 7


def test_summary_names_type_and_line():
    """Enough to find it, and nothing of what it held."""
    assert summary(caught(ValueError("hunter2"))).startswith(
        "unexpected ValueError in caught (unit/test_logs.py:"
    )
    assert summary(ValueError("hunter2")) == "unexpected ValueError"
