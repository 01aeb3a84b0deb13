"""Make the output of foreign programs fit to be shown: no secrets, no controls."""

import re
from collections.abc import Iterable, Mapping

TEXT_LIMIT = 256
"""So many characters of it are shown."""

HIDDEN = "***"
"""Stands where a secret may have stood."""

_LEAST_SECRET = 6

_MOST_LOOKED_AT = 2048

_TELLING_NAME = (
    r"[\w.-]{0,40}(?:token|passw|pwd|secret|credential|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|assertion|signature|authorization|cookie|session)[\w.-]{0,40}"
)

_SECRETS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"-----BEGIN.*?(?:-----END[^-]*-----|$)", HIDDEN),
        (r"://[^/\s@]*@", f"://{HIDDEN}@"),
        (r"(https?://[^\s?#]*)[?#]\S*", rf"\1?{HIDDEN}"),
        (r"\b(bearer|basic|negotiate)\s+[^\s\"']+", rf"\1 {HIDDEN}"),
        (
            rf"({_TELLING_NAME}[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)",
            rf"\1{HIDDEN}",
        ),
        # A JSON Web Token, and whatever else is long and without a space: base64 and
        # its spelling for URLs, hexadecimal digits.
        (r"\beyJ[\w.=-]+", HIDDEN),
        (r"(?=[a-z+/_=-]*[0-9])[\w+=-]{20,}", HIDDEN),
        (r"(?=\S*[0-9])[\w+/=-]{40,}", HIDDEN),
    )
)


def one_line(text: str) -> str:
    """Return the beginning as one line of printable characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:TEXT_LIMIT]


def presentable(text: str, *, secrets: Iterable[str] = (), is_cut: bool = False) -> str:
    """Return the beginning as one printable line, without what may be a secret.

    Args:
        text: As it was written.
        secrets: What is known to be one; shorter than 6 characters, they say nothing.
        is_cut: Whether there was more of it.
    """
    # Known ones first, as they are spelled; then what looks like one.
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, HIDDEN)
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    words = " ".join(line.split())
    if is_cut or len(words) > _MOST_LOOKED_AT:
        # The last word may be the beginning of a secret.
        words = " ".join([*words[:_MOST_LOOKED_AT].split(" ")[:-1], "..."])
    for pattern, replacement in _SECRETS:
        words = pattern.sub(replacement, words)
    return words[:TEXT_LIMIT]


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names say that they are secret."""
    name = re.compile(_TELLING_NAME, re.IGNORECASE)
    return [value for key, value in environ.items() if name.fullmatch(key)]
