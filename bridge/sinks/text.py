"""Make text fit to be shown: without secrets, printable, bounded.

A secret is found in each spelling in which it comes back: raw, or as some format writes
it. Each letter but A-Z, a-z and 0-9 may be escaped as in JSON, percent-encoded as in a
URL or escaped as in HTML, each on its own; all of it may be base64, by itself or within
something longer (RFC 8259, 7; RFC 3986, 2.1; HTML, 13.1.4; RFC 4648, 4 and 5).
"""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from html.entities import codepoint2name

from yarl import URL

from bridge.net.urls import HIDDEN, shown_url

EXCERPT_CHARACTERS = 256


def origin(url: URL) -> str:
    """Return scheme, host and port of a URL."""
    return str(url.origin())


def place(url: str) -> str:
    """Return any URL without its secrets, on one line."""
    return one_line_excerpt(shown_url(url))


def one_line_excerpt(text: str) -> str:
    """Return the first characters as one line; what cannot be printed is a space."""
    cut = text[:EXCERPT_CHARACTERS]
    line = "".join(letter if letter.isprintable() else " " for letter in cut)
    return " ".join(line.split())


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, in any spelling."""
    raw = text.encode("utf-8", "surrogatepass")
    return without(raw, secrets).decode("utf-8", "surrogatepass")


def redact(body: bytes, secrets: Iterable[str], *, is_cut: bool = False) -> bytes:
    """Return `body` without the secrets: some receivers answer with what they got.

    Args:
        body: How an answer begins.
        secrets: What must not be shown.
        is_cut: Whether there was more of it, so that it may end within a secret.
    """
    return without(body, secrets, is_cut=is_cut)


_LEAST_SHOWN = 3
"""So many letters of a secret say nothing about it."""

_LEAST_BASE64 = 8
"""Fewer letters of base64 stand in a text by chance."""

_OPEN_END = re.compile(rb"[%\\&\x80-\xff].{0,16}\Z", re.DOTALL)
"""A letter that was cut off within its escape, or within its bytes."""

_HIDDEN = HIDDEN.encode()


def without(body: bytes, secrets: Iterable[str], *, is_cut: bool = False) -> bytes:
    """Return `body` with `HIDDEN` where one of the secrets stood.

    Args:
        body: Any text.
        secrets: What must not be shown; one may be a part of another.
        is_cut: Whether there was more of it, so that it may end within a secret.
    """
    known = tuple(sorted({one for one in secrets if one}, key=len, reverse=True))
    if not known or not body:
        return body
    body = _pattern(known).sub(_HIDDEN, body)
    for one in known if is_cut else ():
        body = _without_beginning(body, one)
    return body


@lru_cache(maxsize=256)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[bytes]:
    spelled = [b"".join(_letters(one)) for one in secrets]
    encoded = {core for one in secrets for core in _base64(one)}
    more = [re.escape(core) for core in sorted(encoded, key=len, reverse=True)]
    return re.compile(b"|".join([*spelled, *more]))


@lru_cache(maxsize=256)
def _units(secret: str) -> list[re.Pattern[bytes]]:
    return [re.compile(letter) for letter in _letters(secret)]


def _letters(secret: str) -> list[bytes]:
    return [_letter(one) for one in secret]


def _letter(letter: str) -> bytes:
    """Return a pattern of all spellings of one letter."""
    raw = letter.encode("utf-8", "surrogatepass")
    if letter.isascii() and letter.isalnum():
        return raw
    percent = b"".join(b"%%(?:25)?(?i:%02x)" % byte for byte in raw)
    units = letter.encode("utf-16-be", "surrogatepass")
    json = b"".join(
        rb"\\+u(?i:%02x%02x)" % (units[at], units[at + 1])
        for at in range(0, len(units), 2)
    )
    html = b"&(?:amp;)?(?:#0*%d|#[xX]0*(?i:%x)%b);" % (
        ord(letter),
        ord(letter),
        b"".join(b"|" + name.encode() for name in _names(letter)),
    )
    ways = [percent, json, html, rb"\\*" + re.escape(raw)]
    if letter in _SHORT:
        ways.append(_SHORT[letter])
    return b"(?:" + b"|".join(ways) + b")"


def _names(letter: str) -> list[str]:
    if letter == "'":
        return ["apos"]
    name = codepoint2name.get(ord(letter))
    return [] if name is None else [name]


def _base64(secret: str) -> list[bytes]:
    """Return what base64 of any text with the secret in it has in it."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = []
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        # Letters that other bytes have a part in are left out.
        start = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        core = whole[start:end]
        if len(core) >= _LEAST_BASE64:
            found += [core, core.translate(_URL_SAFE)]
    return found


_SHORT = {
    " ": rb"\+",
    "\n": rb"\\+n",
    "\r": rb"\\+r",
    "\t": rb"\\+t",
    "\b": rb"\\+b",
    "\f": rb"\\+f",
}
"""A form's way to write a space, and JSON's for what moves the paper."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _without_beginning(body: bytes, secret: str) -> bytes:
    """Return the body without what a secret begins with, at its very end."""
    units = _units(secret)
    longest = max(map(len, (unit.pattern for unit in units)))
    for start in range(max(0, len(body) - len(units) * longest), len(body)):
        if _leads_to_the_end(body, start, units):
            return body[:start] + _HIDDEN
    for core in _base64(secret):
        for length in range(len(core) - 1, _LEAST_BASE64 - 1, -1):
            if body.endswith(core[:length]):
                return body[:-length] + _HIDDEN
    return body


def _leads_to_the_end(body: bytes, start: int, units: list[re.Pattern[bytes]]) -> bool:
    at, count = start, 0
    while at < len(body) and not _OPEN_END.match(body, at):
        found = units[count].match(body, at) if count < len(units) else None
        if found is None:
            return False
        at, count = found.end(), count + 1
    return count > _LEAST_SHOWN
