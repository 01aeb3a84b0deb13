"""Log lines: JSON for machines, readable on a terminal; each text a constant.

ERROR: data lost or a human needed. WARNING: unexpected, recovered. INFO: start, stop,
connected, reloaded. DEBUG: per event.
"""

import logging
import sys
from typing import Any, Literal, cast

import structlog
from structlog.typing import ExcInfo, FilteringBoundLogger

from bridge.traces import trace

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "text"]


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
        structlog.processors.ExceptionRenderer(_trace),
    ]
    if not is_text:
        return [
            *common,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=False),
        ]
    # Its own way to show errors has local variables in it, which hold secrets.
    plain = structlog.dev.plain_traceback
    return [*common, structlog.dev.ConsoleRenderer(exception_formatter=plain)]


class _Formatter(logging.Formatter):
    """Writes what libraries and asyncio log; see `bridge.traces` about errors."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's own name
        return _trace(ei)


def _trace(exc_info: ExcInfo) -> str:
    return trace(exc_info[1])


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
        """Note one failure; write it and `fields` if the last one read otherwise."""
        if text == self._text:
            self._count += 1
            return
        repeated = {"previous_repeated": self._count} if self._count else {}
        self._text, self._count = text, 0
        self._log.warning(self._message, error=text, **fields, **repeated)

    def recovered(self, message: str) -> None:
        """Note that it works; write it if it did not before."""
        if self._text:
            self._log.info(message, after_failures=self._count + 1)
        self._text, self._count = "", 0
