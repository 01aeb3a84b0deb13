"""Text for people: nothing secret, nothing unprintable, nothing endless."""

from collections.abc import Iterable

from yarl import URL

EXCERPT_CHARACTERS = 256


def origin(url: URL) -> str:
    """Return scheme, host and port: what a person needs to find the machine."""
    return str(url.origin())


def place(url: URL) -> str:
    """Return the URL without user, password, query and fragment."""
    bare = url.with_query(None).with_fragment(None)
    return printable(str(bare.with_user(None) if bare.absolute else bare))


def printable(text: str) -> str:
    """Return the first characters as one line; what cannot be printed is a space."""
    cut = text[:EXCERPT_CHARACTERS]
    line = "".join(letter if letter.isprintable() else " " for letter in cut)
    return " ".join(line.split())


def redact(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return `body` without the secrets: some receivers answer with what they got."""
    for secret in secrets:
        body = body.replace(secret.encode(), b"***")
    return body
