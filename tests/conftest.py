"""What every suite needs."""

import asyncio


def pytest_configure() -> None:
    """Leave the main thread without an event loop of its own.

    looptime asks for the current loop before each plain test, and asyncio would make
    one that nobody closes: a ResourceWarning at exit, and warnings are errors here.
    """
    asyncio.set_event_loop(None)
