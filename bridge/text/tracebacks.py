"""Summarize where an unexpected error came from, without values of its frames.

The text of somebody else's error may quote what was being worked on: a header field
with a token, a part of an object. So may the local variables of a frame. Neither is
ever written; the type of the error and the lines of code are.
"""

import textwrap
import traceback

from bridge.errors import KubebridgeError

_MOST_FRAMES = 50
_MOST_CAUSES = 8


def trace(error: BaseException) -> str:
    """Return the frames and the type of an error, after those of its causes.

    The errors of `bridge.errors` keep their text: it is made for people, without
    secrets.
    """
    told: list[str] = []
    current: BaseException | None = error
    while current is not None and len(told) < _MOST_CAUSES:
        told.insert(0, _one(current))
        current = _cause(current)
    return "\n\nThen, because of it:\n\n".join(told)


def summary(error: BaseException) -> str:
    """Return the type of an error and the line it was raised in, e.g. for an API."""
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"unexpected {kind}"
    last = frames[-1]
    file = "/".join(last.filename.rsplit("/", 2)[-2:])
    return f"unexpected {kind} in {last.name} ({file}:{last.lineno})"


def _one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, limit=-_MOST_FRAMES)
    lines = "".join(traceback.format_list(frames))
    text = f": {error}" if isinstance(error, KubebridgeError) else ""
    told = f"Traceback (most recent call last):\n{lines}{type(error).__name__}{text}"
    if isinstance(error, BaseExceptionGroup):
        inner = [trace(one) for one in error.exceptions[:_MOST_CAUSES]]
        told += "\n" + textwrap.indent("\n".join(inner), "  | ")
    return told


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__
