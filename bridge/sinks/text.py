"""Text for people: nothing secret, nothing unprintable, nothing endless."""

from collections.abc import Iterable

from yarl import URL

from bridge.net.urls import shown_url
from bridge.sinks.http.spellings import without

EXCERPT_CHARACTERS = 256


def origin(url: URL) -> str:
    """Return scheme, host and port: what a person needs to find the machine."""
    return str(url.origin())


def place(url: str) -> str:
    """Return a URL, which may be anybody's, as `shown_url` does, on one line."""
    return one_line_excerpt(shown_url(url))


def one_line_excerpt(text: str) -> str:
    """Return the first characters as one line; what cannot be printed is a space."""
    cut = text[:EXCERPT_CHARACTERS]
    line = "".join(letter if letter.isprintable() else " " for letter in cut)
    return " ".join(line.split())


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets, in whatever spelling."""
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
