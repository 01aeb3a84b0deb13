"""What an answer means, in the words of our pages; and their tables."""

import re
from pathlib import Path

import httpx

from bridge.errors import PermanentSinkError, SinkPausedError
from bridge.sinks.http.classify import (
    CONFLICT_ATTEMPTS,
    MISSING_SECONDS,
    ResponseClassifier,
)
from bridge.sinks.transports import Response
from tests.unit.sinks.consenting import Time

DOCS = Path(__file__).parents[3] / "docs"


def table(page, heading):
    """Return the rows of the table under a first cell, each a list of cells."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, _, after = text.partition(f"| {heading} |")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row[1:-1].split(" | ")] for row in rows]


def statuses(cell):
    """Return the statuses that a cell names."""
    return [int(number) for number in re.findall(r"\b[1-5][0-9][0-9]\b", cell)]


def meaning(outcomes, status):
    """Return what becomes of an event that is answered so."""
    first = _word(outcomes, status)
    later = _word(outcomes, status, seconds=MISSING_SECONDS)
    known = _word(outcomes, status, before=204)
    if later != first:
        return f"{first}, then {later}"
    return first if known == first else f"{first}, or {known}"


def _word(outcomes, status, *, before=None, seconds=0):
    time = Time()
    judge = ResponseClassifier("hook", outcomes=outcomes, now=time)
    for earlier in (before or status, status):
        fault = judge.fault(Response(earlier, httpx.Headers(), b"", 0), events=1)
        time.seconds += seconds
    match fault:
        case None:
            return "delivered"
        case PermanentSinkError():
            return "dead letter"
        case SinkPausedError():
            return "stopped" if fault.until_resumed else "paused"
    if fault.scope == "sink":
        return "the sink rests"
    most = fault.max_attempts
    assert most in (None, 10, CONFLICT_ATTEMPTS)
    return "tried again" if most is None else f"tried again, {most} attempts"
