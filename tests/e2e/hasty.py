"""A bridge whose minutes are two seconds long, where quiet watches are concerned.

Watches end after 6 to 12 s instead of 5 to 10 minutes, and what else is measured in
minutes is shortened as much, so that a short test sees watches come and go.
"""

import sys
from collections.abc import Callable

import bridge.cluster.reflector.progress
import bridge.cluster.reflector.watcher
from bridge.__main__ import main


def watch_seconds(random: Callable[[], float]) -> int:
    """Return how long the server is to keep a watch."""
    return 6 + int(6 * random())


if __name__ == "__main__":
    bridge.cluster.reflector.watcher.watch_seconds = watch_seconds
    bridge.cluster.reflector.progress.LIST_SECONDS = 2.0
    bridge.cluster.reflector.progress.ALIVE_SECONDS = 3.0
    bridge.cluster.reflector.progress.ENDED_SECONDS = 0.5
    sys.exit(main())
