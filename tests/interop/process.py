"""A receiver that is a process of its own, and what it took."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run it while the block does; yield where it listens, by the port it prints."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            port = process.stdout.readline().strip()
            assert port, f"{command[0]} ended with {process.wait(10)}"
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
