"""Compiles regular expressions that take time linear to the text (RE2).

A `data.message` is written by whoever may create an Event, and the regular expressions
of the standard library can be made to take hours over forty characters.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from bridge.errors import FilterError
from bridge.filters.reading import Path

_MOST_BYTES: Final = 1 << 18
"""Most memory of one, compiled and at work."""

_LONGEST: Final = 1000
_COUNTS: Final = re.compile(r"(?<=[{,])[0-9]{1,4}(?=[,}])")


def compile_regex(pattern: str, path: Path) -> Callable[[str], bool]:
    """Return a function that searches a text for a pattern.

    Args:
        pattern: In RE2's syntax (github.com/google/re2/wiki/Syntax).
        path: Leads to it, for the message.

    Raises:
        FilterError: It is no pattern, or one that needs too much memory.
    """
    if len(pattern) > _LONGEST:
        got = f"expected a regex of at most {_LONGEST} characters, got {len(pattern)}"
        raise FilterError(got, path=path)
    found = _compiled(pattern)
    if isinstance(found, str):
        raise FilterError(f"expected a regex of RE2, got {found}", path=path)
    search = found.search

    def is_in(text: str) -> bool:
        # No text of JSON has a lone surrogate, but an attribute may.
        return search(text.encode(errors="surrogatepass")) is not None

    return is_in


def weight(pattern: str) -> int:
    """Return about how much work it is to compile a pattern: its letters, repeated."""
    return len(pattern) + sum(map(int, _COUNTS.findall(pattern[:_LONGEST])))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    """Return a compiled pattern, or in words why it is none."""
    import re2  # noqa: PLC0415  # for those only who want it

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MOST_BYTES
    try:
        return re2.compile(  # type: ignore[no-untyped-call]  # it has no types
            pattern.encode(errors="surrogatepass"), options
        )
    except re2.error as error:
        [reason] = error.args
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        return f"{pattern!r}: {words}"
