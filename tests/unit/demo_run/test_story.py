"""The story does its mischief, and its books find what a bad bridge loses."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from bridge.demo import story
from bridge.demo.display import Backlog, Display
from bridge.demo.ledger import HeldDeliveries, Revision
from bridge.demo.process import BridgeProcessError
from bridge.demo.receivers import Moods, Receiver
from bridge.demo.story import Story

NORMAL = "io.kubebridge.event.normal.v1"


class Stage:
    """A cluster and a bridge in one, without any input or output."""

    url = "http://127.0.0.1:1"
    kubeconfig = Path("/tmp/kubeconfig")
    folder = Path("/tmp")
    namespace = "shop"
    watched = ()

    def __init__(self, *, loses=0, stop_after=None):
        """Lose each event whose number `loses` divides."""
        self.receivers = [
            Receiver(name=name, url="", note="", mode="binary", hopeless=name == "dead")
            for name in ("steady", "flaky", "dead")
        ]
        self.stop = asyncio.Event()
        self.done = []
        self.is_running = True
        self.has_ended = False
        self._loses = loses
        self._stop_after = stop_after
        self._revisions = []
        self._unread = []

    def revisions(self):
        """Return the record."""
        return self._revisions

    async def write(self, write):
        """Record a revision, and deliver it if there is a bridge."""
        number = len(self._revisions) + 1
        self._revisions.append(Revision(uid=write.name, number=number))
        self._unread.append(self._revisions[-1])
        if self._stop_after and number >= self._stop_after:
            self.stop.set()
        if self.is_running:
            self._deliver()

    async def expire(self, writes, *, read):
        """Take part in the mischief; a bridge that is up repairs its watch."""
        self.done.append(("expire", len(writes) > 0, read > 0))
        for write in writes:
            number = len(self._revisions) + 1
            self._revisions.append(Revision(uid=write.name, number=number))
            self._unread.append(self._revisions[-1])
        if self.is_running:
            self._deliver()
        return True

    async def kill(self):
        """Go down."""
        self.done.append("kill")
        self.is_running = False

    async def start(self):
        """Come up again, and catch up."""
        self.done.append("start")
        self.is_running = True
        self._deliver()

    async def wait_ready(self):
        """Be ready at once."""

    def check(self):
        """Raise if it ended by itself."""
        if self.has_ended:
            raise BridgeProcessError("ended")

    async def backlogs(self):
        """Answer only while it is up."""
        if not self.is_running:
            raise BridgeProcessError("down")
        return {"dead": Backlog(waiting=len(self._revisions))}

    async def held(self, sink):
        """Hold everything for the dead receiver."""
        ids = frozenset(one.event_id for one in self._revisions)
        return HeldDeliveries(waiting=ids if sink == "dead" else frozenset())

    def _deliver(self):
        for revision in self._unread:
            if not self._loses or revision.number % self._loses:
                for receiver in self.receivers[:2]:
                    receiver.take(revision.event_id, NORMAL)
        self._unread.clear()


class GuestStage(Stage):
    """A stage whose history is not ours to compact."""

    watched = ("shop",)

    async def expire(self, writes, *, read):
        """Only write."""
        await super().expire(writes, read=read)
        return False


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Wait for nothing long."""
    monkeypatch.setattr(story, "CATCH_UP_SECONDS", 0.05)
    monkeypatch.setattr(story, "REFRESH_SECONDS", 0.0)


def tell(stage):
    """Return the story on this stage."""
    return Story(
        cluster=stage,
        receivers=stage.receivers,
        moods=Moods(),
        bridge=stage,
        display=Display(Console(file=io.StringIO()), is_quiet=True),
        stop=stage.stop,
        writes_per_second=1e6,
    )


async def test_story_loses_nothing_with_a_good_bridge():
    """Every event arrived, or is held for the receiver that is dead."""
    stage = Stage()

    ledger = await tell(stage).run(once=True)

    assert ledger.lost == 0
    assert ledger.receivers["steady"].arrived == ledger.written > 100
    assert ledger.receivers["dead"].waiting == ledger.written


async def test_story_kills_and_expires():
    """One kill with an expiry while the bridge is down, one expiry while it is up."""
    stage = Stage()

    ledger = await tell(stage).run(once=True)

    assert stage.done == [
        "kill",
        ("expire", False, True),
        "start",
        ("expire", True, True),
    ]
    assert (ledger.restarts, ledger.watches_expired) == (1, 2)


async def test_story_finds_what_a_bad_bridge_loses():
    """A lost event is counted for each receiver, and named."""
    stage = Stage(loses=50)

    ledger = await tell(stage).run(once=True)

    lost = ledger.written // 50
    assert ledger.lost == 2 * lost
    assert [one.split("-")[-1] for one in ledger.receivers["flaky"].missing] == [
        str(50 * number) for number in range(1, lost + 1)
    ]


@pytest.mark.parametrize("moment", [1, 60, 75, 100])
async def test_story_ends_early_when_told_to(moment):
    """Whenever it is stopped nothing more is written, and the books are closed."""
    stage = Stage(stop_after=moment)

    ledger = await tell(stage).run(once=False)

    assert ledger.lost == 0
    assert moment <= ledger.written <= moment + 20
    assert stage.is_running


async def test_story_goes_on_round_after_round():
    """Without a limit the acts begin anew, until it is stopped."""
    stage = Stage(stop_after=300)

    ledger = await tell(stage).run(once=False)

    assert ledger.restarts >= 2


async def test_story_leaves_the_history_of_a_foreign_cluster_alone():
    """There the bridge is only killed."""
    stage = GuestStage()

    ledger = await tell(stage).run(once=True)

    assert ledger.lost == 0
    assert (ledger.restarts, ledger.watches_expired) == (1, 0)


async def test_story_ends_with_a_bridge_that_ended_by_itself():
    """That is no loss, but a failure."""
    stage = Stage()
    stage.has_ended = True

    with pytest.raises(ExceptionGroup) as raised:
        await tell(stage).run(once=True)

    assert raised.group_contains(BridgeProcessError)
