"""A total deadline for each attempt, at a fraction of the usual cost."""

import asyncio
from types import TracebackType


class Deadlines:
    """Cuts off attempts that take too long; one timer serves them all.

    All attempts of a sink may take equally long, so the oldest is always the next
    to be cut off, and only its deadline needs a timer. `asyncio.timeout` sets and
    cancels one for each attempt, which costs 8 of some 55 us of CPU per POST.
    """

    def __init__(self, seconds: float) -> None:
        """Give every attempt so many seconds."""
        self._seconds = seconds
        self._running: dict[_Attempt, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def attempt(self) -> "_Attempt":
        """Return a context in which time runs; it raises TimeoutError at its end."""
        return _Attempt(self)

    def close(self) -> None:
        """Forget the timer; nothing is cut off any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start(self, attempt: "_Attempt", loop: asyncio.AbstractEventLoop) -> float:
        """Let the time of an attempt begin; return when it ends, in loop time."""
        due = loop.time() + self._seconds
        self._running[attempt] = None
        if self._timer is None:
            self._timer = loop.call_at(due, self._cut_off)
        return due

    def end(self, attempt: "_Attempt") -> None:
        """Forget an attempt; the timer stays, it looks for the oldest when due."""
        self._running.pop(attempt, None)

    def _cut_off(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for attempt in tuple(self._running):
            if attempt.due > loop.time():
                self._timer = loop.call_at(attempt.due, self._cut_off)
                return
            del self._running[attempt]
            attempt.expire()


class _Attempt:
    """Works as `asyncio.timeout`, and follows its rules about cancelling."""

    __slots__ = ("_cancelling", "_deadlines", "_is_expired", "_task", "due")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._is_expired = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("expected a task around an attempt, got none")
        self._task = task
        self._cancelling = task.cancelling()
        self.due = self._deadlines.start(self, loop)

    def expire(self) -> None:
        """Cancel the task, which is inside the context and waits."""
        self._is_expired = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._deadlines.end(self)
        if not self._is_expired:
            return
        is_ours_alone = self._task.uncancel() <= self._cancelling
        if is_ours_alone and kind is asyncio.CancelledError:
            raise TimeoutError from error
