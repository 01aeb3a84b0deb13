"""Detects an API server that is silent although its connections are open.

A process that hangs keeps its connections: nothing is refused, nothing breaks, and a
watch in which nothing happens looks the same. So an API server that was not heard for
a while is asked for its version; any answer will do::

    heard ──20 s of silence──▶ asked ──an answer──▶ heard
                                 │
                                 └──nothing, 30 s after it was last heard──▶ silent

One request for a cluster, however many watches there are, and none while any of them
brings something.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError

QUIET_SECONDS: Final = 20.0
"""How long an API server may say nothing before it is asked."""

ANSWER_SECONDS: Final = 15.0
"""How long an answer may take."""

SILENT_SECONDS: Final = 30.0
"""How long after its last word an API server that was asked meanwhile is silent."""

RETRY_SECONDS: Final = 5.0
"""How soon it is asked again after there was no answer."""

_TICK_SECONDS = 0.1


class LivenessCheck:
    """Checks one API server for as long as its readers run."""

    def __init__(self, client: ClusterClient, report: Callable[[str], None]) -> None:
        """Expect it to answer.

        Args:
            client: The cluster.
            report: Called after each check, with the reason why the API server is
                silent, or empty text: it answers.
        """
        self._client = client
        self._report = report
        self._since = _time()

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            if self._quiet_seconds() >= QUIET_SECONDS:
                await self._ask()
            quiet = self._quiet_seconds()
            if quiet < QUIET_SECONDS:
                self._report("")
                # asyncio wakes a clock tick early: not again and again for it.
                await asyncio.sleep(max(QUIET_SECONDS - quiet, _TICK_SECONDS))
                continue
            if quiet >= SILENT_SECONDS:
                self._report(f"no word from the API server for {SILENT_SECONDS:.0f} s")
            await asyncio.sleep(RETRY_SECONDS)

    def _quiet_seconds(self) -> float:
        return _time() - max(self._client.answered_at, self._since)

    async def _ask(self) -> None:
        """Ask for the version; the client notes whether anything comes."""
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._client.get("/version")


def _time() -> float:
    return asyncio.get_running_loop().time()
