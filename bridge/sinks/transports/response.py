"""An answer, as far as anybody wants to know it."""

from collections.abc import Mapping

import msgspec

EXCERPT_BYTES = 4096
"""How much of an answer is kept."""

MOST_READ_BYTES = 65536
"""How much of an answer is read so that its connection can be used again."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer, whatever its status.

    Attributes:
        status: HTTP status.
        headers: Its header fields; names in any case.
        excerpt: The first 4 kB of its body.
        duration_seconds: From the request to the last byte that was read.
    """

    status: int
    headers: Mapping[str, str]
    excerpt: bytes
    duration_seconds: float
