"""Escape characters of strangers that must not reach a terminal.

A receiver, an API server or a plugin can put control sequences (ESC, C1) into what it
says, or turn the direction of writing, so that a line reads as another one.
"""

import re
from typing import Final

# C0 but tab and newline, DEL and C1; what is invisible or turns the direction
# (categories Cf, Zl, Zp of Unicode); lone surrogates, which no encoding takes.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def escape_controls(text: str) -> str:
    r"""Return text with characters that steer a terminal written out, as ``\u001b``.

    So written they mean the same in JSON. Tab and newline stay.
    """
    return _CONTROLS.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""Return text as one line that any terminal shows as it is, ``\n`` written out."""
    if text.isprintable():
        return text
    return "".join(map(_shown_letter, text))


def _shown_letter(letter: str) -> str:
    return letter if letter.isprintable() else ascii(letter)[1:-1]


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{units[place] << 8 | units[place + 1]:04x}"
        for place in range(0, len(units), 2)
    )
