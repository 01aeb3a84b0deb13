"""Text for people: nothing secret, nothing unprintable, nothing endless."""

from collections.abc import Iterable

from yarl import URL

from bridge.urls import HIDDEN, shown_url

EXCERPT_CHARACTERS = 256

_LEAST_SHOWN = 3
"""So many letters of a secret say nothing about it."""


def origin(url: URL) -> str:
    """Return scheme, host and port: what a person needs to find the machine."""
    return str(url.origin())


def place(url: str) -> str:
    """Return a URL, which may be anybody's, as `shown_url` does, on one line."""
    return printable(shown_url(url))


def printable(text: str) -> str:
    """Return the first characters as one line; what cannot be printed is a space."""
    cut = text[:EXCERPT_CHARACTERS]
    line = "".join(letter if letter.isprintable() else " " for letter in cut)
    return " ".join(line.split())


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets."""
    for secret in _longest_first(secrets):
        text = text.replace(secret, HIDDEN)
    return text


def redact(body: bytes, secrets: Iterable[str], *, is_cut: bool = False) -> bytes:
    """Return `body` without the secrets: some receivers answer with what they got.

    Args:
        body: How an answer begins.
        secrets: What must not be shown.
        is_cut: Whether there was more of it, so that it may end within a secret.
    """
    for secret in _longest_first(secrets):
        raw = secret.encode()
        body = body.replace(raw, HIDDEN.encode())
        if is_cut:
            body = _without_beginning(body, raw)
    return body


def _longest_first(secrets: Iterable[str]) -> list[str]:
    """One may be a part of another."""
    return sorted(filter(None, secrets), key=len, reverse=True)


def _without_beginning(body: bytes, secret: bytes) -> bytes:
    for length in range(len(secret) - 1, _LEAST_SHOWN, -1):
        if body.endswith(secret[:length]):
            return body[:-length] + HIDDEN.encode()
    return body
