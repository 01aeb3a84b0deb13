"""Lines that a tired stranger can read (issue 10, item 20)."""

import json
import logging
import re
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from bridge.logs import (
    Format,
    Rationed,
    RepeatedFailure,
    configure_logs,
    get_logger,
    is_debug,
)

AT = datetime(2026, 11, 30, 18, tzinfo=UTC)


@pytest.fixture(autouse=True)
def restored():
    """Put the logs back as they were."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    logging.basicConfig(level=logging.WARNING, force=True)


@pytest.mark.parametrize("format_", ["json", "text"])
def test_no_python_is_written(
    capsys: pytest.CaptureFixture[str], format_: Format
) -> None:
    """No None, no types, no tuples, on a terminal neither (issue 10, item 20)."""
    configure_logs(format=format_)

    get_logger(sink="hook").warning(
        "Said.",
        none=None,
        at=AT,
        kinds=("Pod", "Job"),
        error=OSError("no"),
        seconds=0.1 + 0.2,
    )

    line = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    for word in ("None", "datetime", "(", "'", "OSError", "30000000000000004"):
        assert word not in line
    for word in ("2026-11-30T18:00:00+00:00", "Pod, Job", "0.3", "no"):
        assert word in line


def test_traceback_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """It is for those who mend us."""
    configure_logs(format="json")
    try:
        int("broken")
    except ValueError as error:
        get_logger().error("Failed.", exc_info=error)

    assert "broken" in json.dumps(json.loads(capsys.readouterr().err))


def test_debug_is_known_beforehand() -> None:
    """So that no time is spent on lines that are not written."""
    answers = []
    for level in ("info", "debug"):
        configure_logs(level=level)
        answers.append(is_debug())

    assert answers == [False, True]


def test_failures_that_differ_in_numbers_are_one_line() -> None:
    """But not those of another status (issue 10, item 20)."""
    with capture_logs() as said:
        failures = RepeatedFailure(get_logger(), "Failed.")
        for count in range(20, 40):
            failures.failed(f"answered 422 to {count} events", status=422)
        failures.failed("answered 503 to 1 events", status=503)

    assert [(one["status"], one.get("previous_repeated")) for one in said] == [
        (422, None),
        (503, 19),
    ]


def test_storm_is_one_line_and_a_count() -> None:
    """The count comes once it is over, too (issue 10, item 20)."""
    now = [0.0]
    with capture_logs() as said:
        rationed = Rationed(get_logger().error, "Dead.", now=lambda: now[0])
        for number in range(100):
            rationed.say(lambda number=number: {"id": number})
        rationed.flush()
        now[0] = 11.0
        rationed.flush()
        rationed.flush()

    assert [(one["id"], one.get("and_more")) for one in said] == [(0, None), (1, 98)]
