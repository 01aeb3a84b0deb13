"""The signals of the process, from its first moment to its last.

Imports nothing that takes time: a handler has to stand before the rest is imported,
for the kernel drops a signal to process 1 that has none (signal(7)).

::

    stand_by() ──▶ imports, configuration ──▶ waking() ──▶ event loop ──▶ ignore()
                   SIGTERM ends the process   SIGTERM wakes the loop
                   SIGHUP is noted            SIGHUP wakes the loop
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


class Signals:
    """Notes signals, and wakes the event loop while there is one."""

    def __init__(self) -> None:
        """Handle nothing yet."""
        self.is_stop_asked = False
        """Whether SIGTERM or SIGINT came."""

        self.is_reload_asked = False
        """Whether SIGHUP came since this was last set to False."""

        self._wake: Callable[[], object] | None = None

    def stand_by(self) -> None:
        """Handle signals from now on; one that stops ends the process at once."""
        for number in _HANDLED:
            signal.signal(number, self._note)

    def ignore(self) -> None:
        """Let no signal change the exit code any more: the process is ending."""
        for number in _HANDLED:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Iterator[None]:
        """Call `wake` after each signal, in the main thread, until the block is left.

        Then the handlers are those from before.
        """
        self._wake = wake
        before = {number: signal.signal(number, self._note) for number in _HANDLED}
        try:
            yield
        finally:
            self._wake = None
            for number, handler in before.items():
                signal.signal(number, handler)
            self.is_stop_asked = self.is_reload_asked = False

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self.is_reload_asked = True
        else:
            self.is_stop_asked = True
        if self._wake is not None:
            self._wake()
        elif self.is_stop_asked:
            # No queue is open, so there is nothing to close; and an exception could
            # be swallowed by whatever is being imported.
            os._exit(0)


SIGNALS = Signals()
"""Those of this process."""


def stand_by() -> None:
    """Handle signals as the verb on the command line needs it.

    As process 1 every verb can be stopped; anywhere else the kernel does that.
    """
    if _is_run():
        SIGNALS.stand_by()
    elif os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(_ENDED_BY_SIGTERM))


def stand_down() -> None:
    """Let the exit code be what it is, however many signals still come."""
    if _is_run():
        SIGNALS.ignore()


def _is_run() -> bool:
    return sys.argv[1:2] == ["run"]
