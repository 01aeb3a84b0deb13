"""The supervisor: which senders go on, begin and end when settings change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bridge.deliver.destinations import Destination
from bridge.deliver.settings import SenderConfig
from bridge.deliver.supervisor import SenderSupervisor
from bridge.events import EncodedEvent
from bridge.metrics import Metrics
from bridge.queue import Entry
from bridge.sinks.http.settings import BatchConfig
from tests.unit.deliver.scripted import ScriptedSink, failing_first, paused
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime


@dataclass
class Given:
    """A supervisor, its queue and the sinks that were built."""

    supervisor: SenderSupervisor
    queue: MemoryQueue
    metrics: Metrics
    built: list[ScriptedSink] = field(default_factory=list)
    closed: list[ScriptedSink] = field(default_factory=list)

    def to(
        self,
        name: str,
        sink: ScriptedSink | None = None,
        batch: BatchConfig | None = None,
        **keys,
    ) -> Destination:
        """Return a destination with these settings."""
        made = sink or ScriptedSink(name=name)

        async def close() -> None:
            self.closed.append(made)

        def build() -> ScriptedSink:
            made.aclose = close
            self.built.append(made)
            return made

        return Destination(
            name=name,
            settings=SenderConfig(**keys),
            ordering=keys.get("ordering", "none"),
            concurrency=2,
            batch=batch,
            address="https://example.com",
            build=build,
        )

    async def apply(self, *destinations, grace=9.0, slots=None) -> None:
        """Have these destinations, and no others."""
        await self.supervisor.apply(
            destinations, grace_seconds=grace, slots=slots, record=lambda _: None
        )
        await asyncio.sleep(1)

    def put(self, id_: str, sink: str = "a") -> None:
        """Make an event wait."""
        event = EncodedEvent(id=id_, body=b"{}", data_offset=0)
        self.queue.add(Entry(event=None, encoded=event), sink)


@asynccontextmanager
async def supervising() -> AsyncIterator[Given]:
    """Yield a supervisor; drain it in the end."""
    queue, metrics = MemoryQueue(), Metrics(version="0")
    async with asyncio.TaskGroup() as tasks:
        made = SenderSupervisor(queue=queue, metrics=metrics, tasks=tasks)
        yield Given(made, queue, metrics)
        await made.drain()


async def test_each_destination_has_a_sender() -> None:
    """What waits is delivered; in the end the sinks are closed."""
    async with supervising() as given:
        await given.apply(given.to("a"), given.to("b"))
        given.put("1", "b")
        await asyncio.sleep(1)

        assert list(given.supervisor.senders) == ["a", "b"]
        assert list(given.supervisor.statuses) == ["a", "b"]
        assert [one.sent for one in given.supervisor.sinks] == [[], [["1"]]]
    assert given.closed == given.built


async def test_equal_settings_leave_a_sender_alone() -> None:
    """No new sink is built for it; one whose settings differ is replaced."""
    async with supervising() as given:
        await given.apply(given.to("a"), given.to("b"))
        first = given.supervisor.senders
        await given.apply(given.to("b", retry={"max": "5m"}), given.to("a"))
        second = given.supervisor.senders

        assert second["a"] is first["a"]
        assert second["b"] is not first["b"]
        assert [one.name for one in given.closed] == ["b"]
        assert list(second) == ["b", "a"]


async def test_sender_of_a_sink_that_is_gone_ends() -> None:
    """Nothing is leased for it, and its gauges go."""
    async with supervising() as given:
        await given.apply(given.to("a"), given.to("b"))
        await given.apply(given.to("b"))
        given.put("1")
        await asyncio.sleep(1)

        assert (await given.queue.depth("a")).waiting == 1
        value = given.metrics.registry.get_sample_value
        assert value("kubebridge_sink_paused", {"sink": "a"}) is None
        assert value("kubebridge_sink_paused", {"sink": "b"}) == 0


@pytest.mark.parametrize("terms", [{"grace": 5.0}, {"slots": 7}])
async def test_terms_that_all_share_make_all_senders_new(terms) -> None:
    """Such as the slots, which are counted over all of them."""
    async with supervising() as given:
        await given.apply(given.to("a"), given.to("b"))
        await given.apply(given.to("a"), given.to("b"), **terms)

        assert len(given.built) == 4
        assert len(given.closed) == 2


async def test_replaced_sender_ends_its_attempt_beside_its_successor() -> None:
    """What is under way is not sent a second time."""
    async with supervising() as given:
        await given.apply(given.to("a", ScriptedSink(name="a", seconds=5)))
        given.put("1")
        await asyncio.sleep(1)
        await given.apply(given.to("a", retry={"max": "5m"}))
        given.put("2")
        await asyncio.sleep(9)

        assert [one.sent for one in given.built] == [[["1"]], [["2"]]]
        assert given.queue.delivered == ["2", "1"]


async def test_few_senders_of_a_sink_drain_at_a_time() -> None:
    """The oldest is cut; its event goes back to the queue."""
    async with supervising() as given:
        for number in range(1, 6):
            slow = ScriptedSink(name="a", seconds=1000)
            await given.apply(
                given.to("a", slow, maxBacklog=number), grace=float(10**6)
            )
            given.put(str(number))
            await asyncio.sleep(1)

        assert given.closed == given.built[:1]
        assert ["1"] in given.built[-1].sent
        await given.supervisor.cut()


async def test_paused_sink_that_goes_on_is_tried_at_once() -> None:
    """A reload may be what an operator does last to mend it."""
    async with supervising() as given:
        broken = ScriptedSink(name="a", answer=failing_first(paused()))
        await given.apply(given.to("a", broken))
        given.put("1")
        await asyncio.sleep(1)
        state = given.supervisor.statuses["a"].state
        await given.apply(given.to("a"))

        assert (state, given.queue.delivered) == ("paused", ["1"])


async def test_what_cannot_be_built_leaves_all_as_it_was() -> None:
    """The senders that run go on."""

    def fail() -> ScriptedSink:
        raise ValueError("no")

    async with supervising() as given:
        await given.apply(given.to("a"))
        broken = given.to("b")
        object.__setattr__(broken, "build", fail)
        with pytest.raises(ValueError, match="no"):
            await given.apply(given.to("a", retry={"max": "5m"}), broken)
        given.put("1")
        await asyncio.sleep(1)

        assert given.queue.delivered == ["1"]


async def test_deliveries_that_are_left_over_are_named() -> None:
    """Their sink is not configured any more; a sink without any is not worth a line."""
    async with supervising() as given:
        given.put("1", "gone")
        await given.queue.open_sink("empty")
        with capture_logs() as logs:
            await given.apply(given.to("a"))

    event = "Deliveries wait for a sink that is not configured."
    found = [(one["sink"], one["waiting"]) for one in logs if one["event"] == event]
    assert found == [("gone", 1)]


async def test_runs_are_opened_for_ordered_batches_only() -> None:
    """The queue hands out one event at a time else."""
    async with supervising() as given:
        await given.apply(given.to("a", ordering="sink"), given.to("b"))

        assert (given.queue.orderings, given.queue.runs) == (
            {"a": "sink", "b": "none"},
            {"a": 1, "b": 1},
        )


async def test_run_of_an_ordered_sink_is_one_attempt() -> None:
    """As many events as a batch holds, and none lingers."""
    async with supervising() as given:
        batch = BatchConfig(size=3, linger="60s")
        sink = ScriptedSink(name="a", max_batch=3)
        for id_ in "1234":
            given.put(id_)
        await given.apply(given.to("a", sink, batch, ordering="sink"))

        assert sink.sent == [["1", "2", "3"], ["4"]]


async def test_cancelled_drain_cuts_what_is_under_way() -> None:
    """It goes back to the queue."""
    async with supervising() as given:
        await given.apply(given.to("a", ScriptedSink(name="a", seconds=1000)))
        given.put("1")
        await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await given.supervisor.drain()

        assert (await given.queue.depth("a")).leased == 0
        assert given.closed == given.built
