"""Compare resourceVersions by KEP-5504: decimal numbers, per resource."""

_LONGEST = 39
"""Digits of the largest number of 128 bits; etcd counts with 64."""


def is_version(text: str) -> bool:
    """Return whether a text is the version of a change.

    ``0`` is none: a request for it gets any state there is (Kubernetes API concepts,
    "Resource versions").
    """
    is_number = text.isdecimal() and text.isascii()
    return is_number and text[0] != "0" and len(text) <= _LONGEST


def order(version: str) -> tuple[int, str]:
    """Return the sort key of a version: length, then digits (KEP-5504)."""
    return len(version), version


def is_newer(version: str, than: str) -> bool:
    """Return whether one version came after another of the same resource."""
    return order(version) > order(than)


def middle(older: str, newer: str) -> str | None:
    """Return a version half way between two; None: there is none, or no numbers."""
    if not (older.isdecimal() and newer.isdecimal()):
        return None
    half = (int(older) + int(newer)) // 2
    return str(half) if int(older) < half else None


def is_next(version: str, after: str) -> bool:
    """Return whether nothing can lie between two versions."""
    numbers = version.isdecimal() and after.isdecimal()
    return version == after or (numbers and int(version) == int(after) + 1)


def previous(version: str) -> str | None:
    """Return the version just before one; None: there is none, or it is no number."""
    return str(int(version) - 1) if version.isdecimal() and int(version) else None
