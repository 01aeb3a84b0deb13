"""The story: acts of a bad afternoon, mischief in between, and the books at the end.

Each round has three acts::

    1   the flaky receiver turns bad
    2   the bridge is killed by SIGKILL; while it is down, the API server forgets
    3   the API server forgets under a running bridge; the flaky receiver recovers

What is forgotten each time is history that the bridge has not read, so that it must
repair its watch. It stays repairable, so that nothing may be lost.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Protocol

from bridge.demo.display import Display, Progress
from bridge.demo.ledger import Ledger, Revision, balance, expected_ids
from bridge.demo.process import BridgeProcess, BridgeProcessError
from bridge.demo.receivers import Moods, Receiver
from bridge.demo.recorder import RecordedWrite
from bridge.demo.workload import Act, Afternoon

CATCH_UP_SECONDS = 20.0
REFRESH_SECONDS = 0.25
ACTS_PER_ROUND = 3


class DemoCluster(Protocol):
    """Where it takes place.

    Attributes:
        url: Of the API server.
        kubeconfig: The way to it.
        context: Context in the kubeconfig; None: its current one.
        namespace: Where the workload writes.
        watched: Namespaces that the bridge may watch; none: all.
    """

    url: str
    kubeconfig: Path
    context: str | None
    namespace: str
    watched: Sequence[str]

    def revisions(self) -> Sequence[Revision]:
        """Return the record of every revision, oldest first."""
        ...

    async def write(self, write: RecordedWrite) -> None:
        """Make one write of the workload."""
        ...

    async def expire(self, writes: Sequence[RecordedWrite], *, read: int) -> bool:
        """Write, and make watches expire over it, if this is a place to do so.

        Args:
            writes: What no watch may get to see.
            read: Everything up to this revision was read.

        Returns:
            Whether watches expired.
        """
        ...


class Story:
    """Plays the acts on what was set up."""

    def __init__(
        self,
        *,
        cluster: DemoCluster,
        receivers: Sequence[Receiver],
        moods: Moods,
        bridge: BridgeProcess,
        display: Display,
        stop: asyncio.Event,
        writes_per_second: float,
    ) -> None:
        """Bind the players; the bridge has been started.

        Args:
            cluster: Where it takes place.
            receivers: All of them; those that are not hopeless must get everything.
            moods: Of the flaky one.
            bridge: What is put to the test.
            display: Where it is seen.
            stop: Once it is set nothing more is written.
            writes_per_second: How fast the workload is.
        """
        self._cluster = cluster
        self._receivers = receivers
        self._moods = moods
        self._bridge = bridge
        self._display = display
        self._stop = stop
        self._pause_seconds = 1 / writes_per_second
        self._started = time.monotonic()
        self._read = 0
        self._progress = Progress(
            api_url=cluster.url,
            kubeconfig=cluster.kubeconfig,
            kubectl=f"get events --namespace {cluster.namespace} --watch",
            bridge_url=bridge.url,
            folder=bridge.folder,
            receivers=receivers,
        )

    async def run(self, *, once: bool) -> Ledger:
        """Play one round, or until stopped; return the account.

        Raises:
            BridgeProcessError: The bridge ended by itself.
        """
        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(self._show_forever(), name="show")
            await self._play(acts=ACTS_PER_ROUND if once else None)
            self._moods.bad = False
            self._display.tell("closing the books", "bold")
            expected = await self._catch_up(self._receivers, seconds=CATCH_UP_SECONDS)
            ledger = await self._close_books(expected)
            showing.cancel()
        return ledger

    async def _play(self, *, acts: int | None) -> None:
        await self._bridge.wait_ready()
        self._display.tell("the bridge is ready", "green")
        afternoon = Afternoon(
            namespace=self._cluster.namespace, with_nodes=not self._cluster.watched
        )
        ways = cycle((self._play_plainly, self._play_with_kill, self._play_with_expiry))
        for number, (play, act) in enumerate(zip(ways, afternoon.acts(), strict=False)):
            if self._stop.is_set() or number == acts:
                return
            self._display.tell(act.title, "bold")
            await play(act)
            # What was lost once is not worth a long wait in every act.
            patience = 1.0 if self._progress.lost else CATCH_UP_SECONDS
            expected = await self._catch_up(self._receivers[:1], seconds=patience)
            self._progress.lost = (await self._close_books(expected)).lost

    async def _play_plainly(self, act: Act) -> None:
        self._moods.bad = True
        await self._write(act.openings)
        await self._write(act.repeats)

    async def _play_with_kill(self, act: Act) -> None:
        early, late = _halves(act.openings)
        await self._write(early)
        await self._bridge.kill()
        self._display.tell("kill -9 of the bridge", "bold red")
        await self._write(late)
        await self._expire([])
        early, late = _halves(act.repeats)
        await self._write(early)
        await self._bridge.start()
        self._progress.restarts += 1
        self._display.tell("the bridge starts again", "green")
        await self._write(late)
        await self._bridge.wait_ready()

    async def _play_with_expiry(self, act: Act) -> None:
        self._moods.bad = False
        self._display.tell("the flaky receiver recovers", "green")
        early, late = _halves(act.openings)
        await self._write(early)
        await self._expire(late)
        await self._write(act.repeats)

    async def _write(self, writes: Sequence[RecordedWrite]) -> None:
        for write in writes:
            if self._stop.is_set():
                return
            await self._cluster.write(write)
            style = "yellow" if write.warning else "dim"
            self._display.write(write.what, style)
            await asyncio.sleep(self._pause_seconds)

    async def _expire(self, writes: Sequence[RecordedWrite]) -> None:
        if self._stop.is_set():
            return
        if await self._cluster.expire(writes, read=self._read):
            self._progress.expired += 1
            self._display.tell("history is compacted, the watch expires", "bold red")

    async def _catch_up(
        self, receivers: Sequence[Receiver], *, seconds: float
    ) -> Sequence[str]:
        """Wait until the receivers have what is written by now; return its ids.

        Whatever has not come in time, the books will say where it is.
        """
        revisions = self._cluster.revisions()
        newest = revisions[-1].number if revisions else 0
        expected = expected_ids(revisions)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for one in receivers:
                    if not one.hopeless:
                        await one.wait_until_has(expected)
                self._read = newest
        return expected

    async def _close_books(self, expected: Sequence[str]) -> Ledger:
        """Say where every event is; the bridge is asked first, then the receivers."""
        accounts = {}
        for one in self._receivers:
            held = await self._bridge.held(one.name)
            accounts[one.name] = balance(
                expected, taken=one.taken, held=held, gaps=one.gaps
            )
        return Ledger(
            written=len(expected),
            receivers=accounts,
            restarts=self._progress.restarts,
            watches_expired=self._progress.expired,
            seconds=round(time.monotonic() - self._started, 1),
        )

    async def _show_forever(self) -> None:
        while True:
            self._bridge.check()
            progress = self._progress
            progress.seconds = time.monotonic() - self._started
            progress.written = len(expected_ids(self._cluster.revisions()))
            progress.state = "starting" if self._bridge.is_running else "killed"
            with suppress(BridgeProcessError):
                progress.backlogs = await self._bridge.backlogs()
                progress.state = "running"
            self._display.update(progress)
            await asyncio.sleep(REFRESH_SECONDS)


def _halves(
    writes: Sequence[RecordedWrite],
) -> tuple[Sequence[RecordedWrite], Sequence[RecordedWrite]]:
    middle = len(writes) // 2
    return writes[:middle], writes[middle:]
