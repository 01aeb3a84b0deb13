"""Durations and sizes as people write them: `1h30m`, `64KiB`."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from bridge.settings.model import mismatch

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}
_BYTES = {
    "TiB": 2**40,
    "GiB": 2**30,
    "MiB": 2**20,
    "KiB": 2**10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "kB": 10**3,
    "B": 1,
}
_DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+"
_SIZE = r"([0-9]+(?:\.[0-9]+)?)(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B)"


def parse_duration(text: object) -> float:
    """Return the seconds that a text such as ``1h30m`` means."""
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise mismatch("expected a duration such as '15s' or '1h30m'")
    parts = re.findall(r"([0-9.]+)([a-z]+)", text)
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """Return `seconds` in hours, minutes, seconds and milliseconds."""
    left = round(seconds * 1000)
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_size(text: object) -> int:
    """Return the bytes that a text such as ``64KiB`` means."""
    match = re.fullmatch(_SIZE, text) if isinstance(text, str) else None
    if match is None:
        raise mismatch("expected a size such as '64KiB' or '10MB'")
    return round(float(match[1]) * _BYTES[match[2]])


def format_size(size_bytes: int) -> str:
    """Return `size_bytes` in the largest unit that leaves no rest."""
    fitting = (unit for unit in _BYTES if size_bytes and not size_bytes % _BYTES[unit])
    unit = next(fitting, "B")
    return f"{size_bytes // _BYTES[unit]}{unit}"


def more_than_nothing(number: float) -> float:
    """Return `number`; raise a mismatch if it is zero."""
    if not number:
        raise mismatch("expected more than zero")
    return number


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"}),
]
"""Seconds; written ``500ms``, ``15s``, ``1h30m``, ``2d``."""

PositiveDuration = Annotated[Duration, AfterValidator(more_than_nothing)]
"""A `Duration` that is more than nothing."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$"}),
]
"""Bytes; written ``64KiB``, ``10MB``, ``1GiB``."""

PositiveSize = Annotated[Size, AfterValidator(more_than_nothing)]
"""A `Size` that is more than nothing."""
