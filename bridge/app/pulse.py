"""Notices an API server that says nothing any more, whatever its kernel still answers.

A process that hangs keeps its connections: nothing is refused and nothing breaks, and
a watch where nothing happens looks the same. So one that was not heard for a while is
asked something small; what counts is that there is an answer, not which::

    heard ──20 s of silence──▶ asked ──an answer──▶ heard
                                 │
                                 └──nothing, 30 s after it was last heard──▶ silent

One request for a cluster, however many watches there are, and none while any of them
brings something.
"""

import asyncio
from contextlib import suppress

from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError
from bridge.health import Health
from bridge.logs import RepeatedFailure, get_logger

QUIET_SECONDS = 20.0
"""So long nobody asks."""

ANSWER_SECONDS = 15.0
"""How long an answer may take."""

SILENT_SECONDS = 30.0
"""Without a word for so long, and asked meanwhile, the API server is silent."""

AGAIN_SECONDS = 5.0
"""How soon it is asked again after there was no answer."""

_TICK_SECONDS = 0.1


class Pulse:
    """Watches over one API server, for as long as its readers run."""

    def __init__(self, client: ClusterClient, health: Health) -> None:
        """Expect it to answer.

        Args:
            client: The cluster.
            health: Whose readers are told when the API server is silent, and when it
                is not any more.
        """
        self._client = client
        self._health = health
        self._failures = RepeatedFailure(
            get_logger(server=client.server), "The API server is silent."
        )
        self._since = _time()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            if self._quiet_seconds() >= QUIET_SECONDS:
                await self._ask()
            quiet = self._quiet_seconds()
            if quiet < QUIET_SECONDS:
                self._is_heard()
                # asyncio wakes a clock tick early: not again and again for it.
                await asyncio.sleep(max(QUIET_SECONDS - quiet, _TICK_SECONDS))
                continue
            if quiet >= SILENT_SECONDS:
                self._is_not_heard()
            await asyncio.sleep(AGAIN_SECONDS)

    def _quiet_seconds(self) -> float:
        return _time() - max(self._client.heard_at, self._since)

    async def _ask(self) -> None:
        """Ask for something small; the client knows whether anything comes."""
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._client.get("/version")

    def _is_not_heard(self) -> None:
        error = f"no word from the API server for {SILENT_SECONDS:.0f} s"
        for reader in self._health.readers:
            if reader.state == "watching":
                reader.state, reader.error = "silent", error
                self._failures.failed(error)

    def _is_heard(self) -> None:
        self._failures.recovered("The API server answers again.")
        for reader in self._health.readers:
            if reader.state == "silent":
                reader.state, reader.error = "watching", ""


def _time() -> float:
    return asyncio.get_running_loop().time()
