"""An API server that says nothing any more is noticed (issue 10, item 13)."""

import asyncio
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bridge.cluster.liveness import LivenessCheck
from bridge.errors import UnreachableError
from bridge.health import Health, ReaderState, ReaderStatus
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.metrics import Metrics
from tests.unit.ingest.fakes import settings_of

pytestmark = pytest.mark.looptime


class Api:
    """Answers, hangs, or is not there."""

    server = "https://cluster"

    def __init__(self) -> None:
        """Answer."""
        self.answered_at = now()
        self.does: str = "answer"
        self.asked = 0

    async def get(self, path: str) -> bytes:
        """See `ClusterClient.get`."""
        assert path == "/version"
        self.asked += 1
        if self.does == "hang":
            await asyncio.sleep(3600)
        if self.does == "break":
            raise UnreachableError("refused", phase="connect")
        self.answered_at = now()
        return b"{}"


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


class Bench:
    """A check that runs, and a reader in a state."""

    def __init__(self, state: ReaderState = "watching") -> None:
        """Start."""
        self.api = Api()
        self.reader = ReaderStatus(
            sources=("e",), resource="events", namespace="*", state=state
        )
        self._health = Health()
        supervisor = ReaderSupervisor(
            settings_of("{}"),
            queue=cast("Any", None),
            health=self._health,
            metrics=Metrics(version="0"),
        )
        self._health.readers = [self.reader]
        self._check = LivenessCheck(cast("Any", self.api), supervisor._note_silence)

    async def run(self, seconds: float, does: str = "answer") -> str:
        """Let time pass; return the state of the reader."""
        self.api.does = does
        try:
            async with asyncio.timeout(seconds):
                await self._check.run()
        except TimeoutError:
            return self.reader.state
        raise AssertionError


@pytest.mark.parametrize("fault", ["hang", "break"])
async def test_silence_is_noticed_within_a_minute(fault: str) -> None:
    """The reader is not watching any more, and the log says so once."""
    bench = Bench()

    with capture_logs() as logs:
        before = await bench.run(60)
        after = await bench.run(60, fault)
        await bench.run(600, fault)

    assert (before, after) == ("watching", "silent")
    assert bench.reader.error == "no word from the API server for 30 s"
    assert [one["event"] for one in logs] == ["The API server is silent."]


async def test_whoever_answers_again_is_watched_again() -> None:
    """By itself, within seconds."""
    bench = Bench()
    await bench.run(60, "hang")

    with capture_logs() as logs:
        state = await bench.run(10)

    assert (state, bench.reader.error) == ("watching", "")
    assert [one["event"] for one in logs] == ["The API server answers again."]


async def test_what_is_heard_often_is_never_asked() -> None:
    """A watch that brings something is a sign of life."""
    bench = Bench()

    for _ in range(20):
        await bench.run(15)
        bench.api.answered_at = now()

    assert bench.api.asked == 0


async def test_a_quiet_cluster_costs_a_small_request_now_and_then() -> None:
    """However many watches there are."""
    bench = Bench()

    await bench.run(600)

    assert 29 <= bench.api.asked <= 30


async def test_a_hiccup_is_no_silence() -> None:
    """One answer that fails, and the next that comes."""
    bench = Bench()

    first = await bench.run(26, "break")
    second = await bench.run(10)

    assert (first, second) == ("watching", "watching")


@pytest.mark.parametrize("state", ["syncing", "waiting", "failed", "blocked"])
async def test_other_states_say_more_than_silence(state: ReaderState) -> None:
    """They have errors of their own."""
    bench = Bench(state)

    with capture_logs() as logs:
        after = await bench.run(600, "break")

    assert (after, logs) == (state, [])
