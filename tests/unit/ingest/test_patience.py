"""How long a Kubernetes Event waits for what is known of its object."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.cluster import Gap
from bridge.events.context import InvolvedObject
from bridge.ingest.enrichment import Missing
from bridge.ingest.plan import ANSWER_SECONDS, Plan, Planner
from tests.unit.ingest.objects import NOW, change, conversion, ids, source_of


@dataclass
class Clock:
    """A monotonic clock."""

    seconds: float = 0.0


@pytest.fixture
def clock() -> Clock:
    """Return one that stands still."""
    return Clock()


@dataclass
class Enriching:
    """Answers as a test says; see `bridge.ingest.Enrichment`."""

    answer: Any = field(default_factory=lambda: Missing(is_loading=False))
    given_up: list[str] = field(default_factory=list)

    def find(self, about: Any) -> Any:
        """See `Enrichment.find`."""
        return self.answer

    def give_up(self, about: Any) -> InvolvedObject:
        """See `Enrichment.give_up`."""
        self.given_up.append(about.name)
        return InvolvedObject(labels={"late": "yes"})


def enriched(clock: Clock, enriching: Enriching) -> Planner:
    """Return a planner of Events that asks what they are about."""
    sources = [source_of("events", enrich={"labels": True})]
    turned = conversion(sources=sources, enrichment=enriching)
    return Planner(turned, cursor="100", clock=lambda: clock.seconds)


def data(plan: Plan) -> bytes:
    """Return the data of all events of a plan."""
    return b"".join(one.event.data or b"" for one in plan.entries if one.event)


def test_event_waits_for_what_is_known_of_its_object(clock: Clock) -> None:
    """And goes as soon as it is there."""
    enriching = Enriching()
    one = enriched(clock, enriching)
    before = one.plan([change(101)])

    enriching.answer = InvolvedObject(labels={"app": "web"})
    after = one.plan(())

    assert (ids(before.entries), before.to) == ([], "100")
    assert (b'"app":"web"' in data(after), after.to) == (True, "101")
    assert enriching.given_up == []


def test_event_does_not_wait_for_ever(clock: Clock) -> None:
    """After five seconds it goes with what is known."""
    enriching = Enriching()
    one = enriched(clock, enriching)
    one.plan([change(101)])

    clock.seconds = ANSWER_SECONDS
    just_before = one.plan(())
    clock.seconds += 0.1
    after = one.plan(())

    assert ids(just_before.entries) == []
    assert (ids(after.entries), b'"late":"yes"' in data(after)) == (["uid-101"], True)
    assert enriching.given_up == ["checkout"]


def test_event_waits_while_everything_is_still_being_read(clock: Clock) -> None:
    """The five seconds are for what an informer should have seen."""
    enriching = Enriching(Missing(is_loading=True))
    one = enriched(clock, enriching)
    one.plan([change(101)])

    clock.seconds = 600.0
    loading = one.plan(())
    enriching.answer = Missing(is_loading=False)
    loaded = one.plan(())

    assert ids(loading.entries) == []
    assert ids(loaded.entries) == ["uid-101"]


def test_rollback_ends_the_waiting_for_an_informer(clock: Clock) -> None:
    """Also for one that still reads."""
    enriching = Enriching(Missing(is_loading=True))
    gap = Gap(cause="rolled-back", cursor="101", snapshot="50", since=None, until=NOW)
    one = enriched(clock, enriching)
    one.plan([change(101)])

    plan = one.plan([gap])

    assert ids(plan.entries) == ["uid-101"]
