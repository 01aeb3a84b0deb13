"""The one way into the queue: routes, stages, forms, and what is counted."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest

from bridge.errors import QueueFullError
from bridge.events import CloudEvent
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import compile_filters
from bridge.ingest import Acceptor, EventForm
from bridge.ingest.accept import NO_CURSOR, Version, addressed, put
from bridge.metrics import Metrics
from bridge.queue import Entry
from tests.unit.ingest.objects import PLAIN
from tests.unit.memory_queue import MemoryQueue

OURS, KNATIVE = PLAIN["hook"], EventForm("knative", "object")
INBOUND = CloudEvent(id="order-1", source="/shop", type="com.example.order.v1")


def route(name: str, *sinks: str, source: str | None = None) -> Route:
    """Return a route without filters."""
    sources = None if source is None else frozenset({source})
    return Route(name=name, sources=sources, matches=compile_filters([]), sinks=sinks)


def acceptor(*routes: Route, keeping: Sequence[str] = (), **forms: Any) -> Acceptor:
    """Return an acceptor for sinks `hook` and `broker`."""
    return Acceptor(router=Router(routes), forms={**PLAIN, **forms}, keeping=keeping)


class Once:
    """Lets each type of event along each route once."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self.asked: list[tuple[str, ...]] = []
        self._seen: set[tuple[str, str]] = set()

    def __call__(
        self, event: CloudEvent, routes: tuple[str, ...], /
    ) -> tuple[str, ...]:
        """See `bridge.ingest.accept.Stage`."""
        self.asked.append(routes)
        left = tuple(name for name in routes if (event.type, name) not in self._seen)
        self._seen |= {(event.type, name) for name in left}
        return left


def sinks_of(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Return the sinks of each entry that is an event."""
    return [entry.sinks for entry in entries if entry.event is not None]


def test_event_that_is_no_change_goes_by_the_same_routes() -> None:
    """An inbound event has one form, which every sink gets."""
    one = acceptor(route("all", "hook", "broker"), broker=KNATIVE)

    [entry] = one.accept(INBOUND, ("orders",))

    assert (entry.sinks, entry.routes) == (("hook", "broker"), ("all",))
    assert entry.encoded is not None
    assert msgspec.json.decode(entry.encoded.body)["id"] == "order-1"


@pytest.mark.parametrize("keeping", [(), ("orders",)])
def test_event_without_a_route_is_stored_where_a_source_keeps_all(
    keeping: Sequence[str],
) -> None:
    """For no sink; else nothing is stored."""
    one = acceptor(route("r", "hook", source="other"), keeping=keeping)

    assert sinks_of(one.accept(INBOUND, ("orders",))) == [() for _ in keeping]
    assert one.is_wanted(("orders",)) is bool(keeping)


def test_stage_holds_an_event_back_on_one_route() -> None:
    """The other route's sinks get it."""
    one, stage = acceptor(route("a", "hook"), route("b", "broker", source="x")), Once()

    first = one.accept(INBOUND, ("orders",), stages=[stage])
    second = one.accept(INBOUND, ("x",), stages=[stage])

    assert (sinks_of(first), sinks_of(second)) == ([("hook",)], [("broker",)])


def test_routes_are_chosen_once_where_stages_are() -> None:
    """Each filter is asked once for an event; one that fails is counted once."""
    asked: list[CloudEvent] = []

    def matches(event: CloudEvent, /) -> bool:
        asked.append(event)
        return True

    one = acceptor(Route(name="a", sources=None, matches=matches, sinks=("hook",)))

    entries = one.accept(INBOUND, ("orders",), stages=[Once()])

    assert (sinks_of(entries), asked) == ([("hook",)], [INBOUND])


def test_backfill_skips_stages() -> None:
    """What was held back from reading can be delivered by an operator's word."""
    one, stage = acceptor(route("a", "hook")), Once()
    one.accept(INBOUND, ("orders",), stages=[stage])

    held_back = one.accept(INBOUND, ("orders",), stages=[stage])
    backfilled = one.accept(INBOUND, ("orders",))

    assert (held_back, sinks_of(backfilled)) == ([], [("hook",)])


def test_later_stage_sees_what_the_earlier_one_left() -> None:
    """And is not asked about an event that goes nowhere."""
    one, stages = acceptor(route("a", "hook")), [Once(), Once()]

    for _ in range(2):
        one.accept(INBOUND, ("orders",), stages=stages)

    assert [len(stage.asked) for stage in stages] == [2, 1]


def test_stage_is_asked_once_for_all_versions_of_an_event() -> None:
    """Each route of each version is decided, and a sink gets one of them."""
    one = acceptor(route("a", "hook", source="rich"), route("b", "hook", "broker"))
    stage = Once()
    versions = [Version(INBOUND, ("rich",)), Version(INBOUND, ("thin",))]

    entries = one.accept_versions(versions, stages=[stage])

    assert stage.asked == [("a", "b")]
    assert sinks_of(entries) == [("hook", "broker")]


async def test_event_in_two_forms_is_counted_once() -> None:
    """For each route that chose it, when it is stored."""
    queue, metrics = MemoryQueue(), Metrics(version="0")
    one = acceptor(route("a", "hook"), route("b", "broker"), broker=KNATIVE)
    entries = one.accept(INBOUND, ("orders",), render=lambda _: INBOUND)

    await put(entries, queue=cast("Any", queue), metrics=metrics)

    assert [counted(metrics, name) for name in ("a", "b")] == [1.0, 1.0]
    assert (len(queue.entries), queue.positions) == (2, {})


async def test_event_that_was_not_stored_is_not_counted() -> None:
    """The caller tries again, or gives up."""
    queue, metrics = MemoryQueue(full="no room"), Metrics(version="0")
    entries = acceptor(route("a", "hook")).accept(INBOUND, ("orders",))

    with pytest.raises(QueueFullError):
        await put(entries, queue=cast("Any", queue), metrics=metrics)

    assert counted(metrics, "a") is None


async def test_probe_goes_to_its_sink_alone() -> None:
    """No route chose it, and no cursor moves."""
    queue, metrics = MemoryQueue(), Metrics(version="0")

    await put([addressed(INBOUND, "hook")], queue=cast("Any", queue), metrics=metrics)

    [entry] = queue.entries
    assert (entry.sinks, entry.routes) == (("hook",), ())
    assert NO_CURSOR not in queue.positions


def counted(metrics: Metrics, name: str) -> float | None:
    """Return how many events a route chose; None: it chose none."""
    labels = {"route": name}
    return metrics.registry.get_sample_value("kubebridge_events_routed_total", labels)
