"""Bytes as they come → complete lines, in time linear in the bytes."""

from bridge.errors import UnreadableError

LINE_LIMIT_BYTES = 16 * 1024 * 1024
"""Ten times what etcd stores as one object: whatever is longer is not an object."""


class LineSplitter:
    """Cuts a stream at newlines and keeps the incomplete rest.

    The parts of a long line are joined once: adding each chunk to one buffer is
    quadratic, and aiohttp's own `readline` refuses lines above 4 MiB.
    """

    def __init__(self, *, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        """Start at the beginning of a line.

        Args:
            limit_bytes: The longest line that is kept together.
        """
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their newlines.

        Raises:
            UnreadableError: The line that has begun is longer than the limit.
        """
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        self._size_bytes += len(first)
        if self._size_bytes > self._limit_bytes:
            raise UnreadableError(
                f"watch: expected lines of at most {self._limit_bytes} bytes,"
                f" got {self._size_bytes} bytes without a newline"
            )
        if not others:
            return []
        lines = [b"".join(self._parts), *others]
        rest = lines.pop()
        self._parts = [rest]
        self._size_bytes = len(rest)
        return [line for line in lines if line]
