"""What every suite needs."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

MEMORY = Path("/dev/shm")
NEEDED_BYTES = 2 * 2**30


def pytest_configure() -> None:
    """Prepare the process before anything is collected."""
    _forget_event_loop()
    _keep_files_in_memory()
    _time_no_example()


def _forget_event_loop() -> None:
    """Leave the main thread without an event loop of its own.

    looptime asks for the current loop before each plain test, and asyncio would make
    one that nobody closes: a ResourceWarning at exit, and warnings are errors here.
    """
    asyncio.set_event_loop(None)


def _keep_files_in_memory() -> None:
    """Put temporary files into memory, also those of the processes that tests start.

    Each queue commits with fsync: on a disk that is shared, a test of 20 ms takes
    300 ms. A folder that TMPDIR names is used as it is.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free >= NEEDED_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _time_no_example() -> None:
    """Give the examples of a property all the time they need: others load the machine.

    All else stays as it is: where `CI` is set, Hypothesis chooses settings for that.
    """
    settings.register_profile("untimed", settings(), deadline=None)
    settings.load_profile("untimed")


@pytest.fixture
def untraced() -> Iterator[None]:
    """Measure no coverage: the tracer would triple what such a test costs.

    For tests with inputs of megabytes whose code smaller ones reach as well.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
