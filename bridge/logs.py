"""Log lines: JSON for machines, readable on a terminal; each text a constant.

ERROR: data lost or a human needed. WARNING: unexpected, recovered. INFO: start, stop,
connected, reloaded. DEBUG: per event.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, cast

import structlog
from structlog.typing import ExcInfo, FilteringBoundLogger

from bridge.text.escaping import escape_controls
from bridge.text.tracebacks import trace

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "text"]

_PYTHONS: Final = frozenset({"exc_info", "stack_info"})
_CONSOLES: Final = frozenset(
    {"event", "level", "timestamp", "exception", "stack", *_PYTHONS}
)
_is_word: Final = re.compile(r"(?!True$|False$)[^\s=\"'\\]+").fullmatch
_NUMBER: Final = re.compile(r"\d+")

RATION_SECONDS: Final = 10.0
"""How long what comes in storms is only counted after a line of it."""


def configure_logs(*, level: Level = "info", format: Format = "auto") -> None:  # noqa: A002  # the configuration's word
    """From now on every line goes to standard error in one form.

    Args:
        level: Least level that is written.
        format: ``auto``: text on a terminal, else JSON.
    """
    text = format == "text" or (format == "auto" and sys.stderr.isatty())
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=_processors(is_text=text),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _processors(*, is_text: bool) -> list[Any]:
    common = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        plain,
        structlog.processors.ExceptionRenderer(_trace),
    ]
    if not is_text:
        return [
            *common,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=False),
        ]
    # Its own way to show errors has local variables in it, which hold secrets.
    traceback = structlog.dev.plain_traceback
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=traceback)
    return [*common, _quote, _harmless, renderer]


class _Formatter(logging.Formatter):
    """Writes what libraries and asyncio log; without the texts of errors."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's own name
        return _trace(ei)


def _trace(exc_info: ExcInfo) -> str:
    return trace(exc_info[1])


def _harmless(_logger: Any, _name: str, event: Any) -> Any:
    """Let nothing that a stranger said steer the terminal."""
    return {
        name: escape_controls(one) if isinstance(one, str) else one
        for name, one in event.items()
    }


def plain(_logger: Any, _name: str, event: Any) -> Any:
    """Write values as people do: no `None`, no Python types, floats as they are read.

    A field without a value is left out.
    """
    return {
        name: value if name in _PYTHONS else _plain(value)
        for name, value in event.items()
        if value is not None
    }


def _plain(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.6g}")
        case datetime():
            return value.isoformat(timespec="seconds")
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(str, value))
        case BaseException():
            return str(value)
        case _:
            return value


def is_debug() -> bool:
    """Return whether lines of level `debug` are written, as configured now.

    For the path of each event: even a line that is not written costs some time.
    """
    return bool(get_logger().is_enabled_for(logging.DEBUG))


class _Quoted:
    """A value that the console writes in double quotes, as JSON has it."""

    def __init__(self, value: object) -> None:
        self._text = escape_controls(json.dumps(value, ensure_ascii=False))

    def __repr__(self) -> str:
        return self._text


def _quote(_logger: Any, _name: str, event: Any) -> Any:
    """Have texts with spaces, and booleans, written as in JSON, not as in Python."""
    return {
        name: _Quoted(value)
        if name not in _CONSOLES
        and isinstance(value, str | bool)
        and not _is_word(str(value))
        else value
        for name, value in event.items()
    }


# For those who log before, or without, `configure_logs`.
structlog.configure(processors=_processors(is_text=True))


def get_logger(**fields: object) -> FilteringBoundLogger:
    """Return a logger whose lines carry `fields`."""
    return cast("FilteringBoundLogger", structlog.get_logger(**fields))


class RepeatedFailure:
    """Says a failure when its text changes, and how often the last one came."""

    def __init__(self, log: FilteringBoundLogger, message: str) -> None:
        """Write to `log` under the constant `message`."""
        self._log = log
        self._message = message
        self._text = ""
        self._count = 0

    def failed(self, text: str, **fields: object) -> None:
        """Note one failure; write it and `fields` if the last one read otherwise.

        Texts that differ in numbers only, such as a count or a port, read the same; but
        not those of another `status`.
        """
        shape = f"{fields.get('status')} {_NUMBER.sub('0', text)}"
        if shape == self._text:
            self._count += 1
            return
        repeated = {"previous_repeated": self._count} if self._count else {}
        self._text, self._count = shape, 0
        self._log.warning(self._message, error=text, **fields, **repeated)

    def recovered(self, message: str) -> None:
        """Note that it works; write it if it did not before."""
        if self._text:
            self._log.info(message, after_failures=self._count + 1)
        self._text, self._count = "", 0


class Rationed:
    """Says what may come in storms: once in a while, and how often it came."""

    def __init__(
        self,
        write: Callable[..., Any],
        message: str,
        *,
        seconds: float = RATION_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write `message` by `write` at most once in `seconds`."""
        self._write = write
        self._message = message
        self._seconds = seconds
        self._now = now
        self._next = float("-inf")
        self._fields: Mapping[str, object] = {}
        self._count = 0

    def say(self, fields: Callable[[], Mapping[str, object]], count: int = 1) -> None:
        """Note that it came `count` times.

        Args:
            fields: Gives those of the line; asked of the first that a line tells of.
            count: How often.
        """
        if not self._count:  # nothing is kept that `fields` holds
            self._fields = fields()
        self._count += count
        self.flush()

    @property
    def is_counting(self) -> bool:
        """Whether anything was only counted, and has to be written."""
        return self._count > 0

    def flush(self) -> None:
        """Write what was only counted, once it is time."""
        now = self._now()
        if not self._count or now < self._next:
            return
        more = {"and_more": self._count - 1} if self._count > 1 else {}
        self._write(self._message, **self._fields, **more)
        self._count, self._next = 0, now + self._seconds
