"""In which forms an event is stored, and for whom."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bridge.cluster import CORE_EVENTS, Change, ObjectMeta
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.filters.labels import compile_labels
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import compile_filters
from bridge.ingest import Acceptor, Conversion, EventForm, Source
from bridge.ingest.entries import labels_concerned
from bridge.queue import Entry
from tests.unit.ingest.objects import (
    ORIGINS,
    PLAIN,
    SCOPE,
    change,
    pod,
    source_of,
)

BOTH = ("thin", "rich")
NOW = "2026-11-20T10:00:00Z"
PREVIOUS = ChangeContext(previous=b'{"metadata":{},"spec":1}')


def route(*sinks: str, source: str | None = None, labels: str = "") -> Route:
    """Return a route to some sinks."""
    return Route(
        name="r",
        sources=None if source is None else frozenset({source}),
        matches=compile_filters([]),
        sinks=sinks,
        labels=compile_labels(labels) if labels else None,
    )


def conversion_of(
    *sources: Source, routes: Sequence[Route], **forms: EventForm
) -> Conversion:
    """Return a conversion for two sinks, of our form unless told otherwise."""
    return Conversion(
        resource=CORE_EVENTS,
        scope=SCOPE,
        sources=sources,
        acceptor=Acceptor(router=Router(routes), forms={**PLAIN, **forms}),
        origins=ORIGINS,
    )


def thin_and_rich(**more: Any) -> list[Source]:
    """Return a source that asks for little and one that asks for more."""
    return [source_of("thin"), source_of("rich", **more)]


def shown(entries: Sequence[Entry]) -> list[tuple[tuple[str, ...], bool]]:
    """Return for each entry its sinks, and whether it tells what was before."""
    return [
        (entry.sinks, b'"previous":' in (entry.event.data or b""))
        for entry in entries
        if entry.event is not None
    ]


def test_entries_name_the_routes_that_chose_their_sinks() -> None:
    """An operator can ask by them, whatever form a sink has its events in."""
    one = conversion_of(
        *thin_and_rich(),
        routes=[route("hook", "broker"), route("hook", source="other")],
        broker=EventForm("knative", "object"),
    )

    made = one._accepted(change(1), ChangeContext(), NOW, BOTH)

    assert [entry.routes for entry in made] == [("r",), ("r",)]


def test_sink_of_two_sources_gets_the_richer_event_once() -> None:
    """However many sources lead to it, and in whatever order they are written."""
    sources = thin_and_rich(previous=True)
    routes = [route("hook", "broker", source="thin"), route("hook", source="rich")]
    one = conversion_of(*sources, routes=routes)

    entries = list(one._accepted(pod(101), PREVIOUS, NOW, BOTH))

    assert shown(entries) == [(("hook",), True), (("broker",), False)]


def test_sink_of_the_modest_source_gets_what_that_asks_for() -> None:
    """Nothing of what another one wants."""
    sources = thin_and_rich(enrich={"labels": True})
    one = conversion_of(*sources, routes=[route("hook", source="thin")])
    context = ChangeContext(concerned=InvolvedObject(labels={"app": "web"}))

    [entry] = one._accepted(change(101), context, NOW, BOTH)

    assert entry.event is not None
    assert b'"labels"' not in (entry.event.data or b"")


def test_labels_for_routes_only_are_not_shown() -> None:
    """A route may select by them all the same."""
    source = source_of("thin", enrich={"annotations": ["team"]})
    one = conversion_of(source, routes=[route("hook", labels="app=web")])
    concerned = InvolvedObject(labels={"app": "web"}, annotations={"team": "shop"})

    context = ChangeContext(concerned=concerned)
    [entry] = one._accepted(change(101), context, NOW, ("thin",))

    assert entry.event is not None
    shown = entry.event.data or b""
    assert (b'"labels"' in shown, b'"team":"shop"' in shown) == (False, True)


def test_event_that_all_sinks_have_is_no_second_entry() -> None:
    """Those that want most come first; then there is nobody left."""
    sources = thin_and_rich(previous=True)
    one = conversion_of(*sources, routes=[route("hook", "broker")])

    entries = list(one._accepted(pod(101), PREVIOUS, NOW, BOTH))

    assert shown(entries) == [(("hook", "broker"), True)]


def test_event_of_some_of_the_sources_is_theirs_only() -> None:
    """As when the other one does not want this change."""
    sources = thin_and_rich(previous=True)
    one = conversion_of(*sources, routes=[route("hook")])

    entries = list(one._accepted(pod(101), PREVIOUS, NOW, ("thin",)))

    assert shown(entries) == [(("hook",), False)]


def test_there_may_be_an_entry_for_each_ask_and_form() -> None:
    """That many an item may become."""
    sources = thin_and_rich(previous=True)
    one = conversion_of(*sources, routes=[], broker=EventForm("knative", "reference"))

    assert one.most_entries_per_item == 4


def test_reference_is_a_form_of_its_own() -> None:
    """It names the object and leaves the rest away."""
    one = conversion_of(
        source_of("pods"),
        routes=[route("hook", "broker")],
        broker=EventForm("kubebridge", "reference"),
    )

    entries = list(
        one._accepted(pod(101, spec={"a": 1}), ChangeContext(), NOW, ("pods",))
    )

    told = {
        e.sinks: msgspec.json.decode(e.event.data or b"") for e in entries if e.event
    }
    assert told[("hook",)]["spec"] == {"a": 1}
    assert told[("broker",)] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web",
        "uid": "web",
        "resourceVersion": "101",
    }


def test_route_selects_by_the_labels_of_the_object_itself() -> None:
    """Read from it where nothing is remembered of it."""
    one = conversion_of(source_of("pods"), routes=[route("hook", labels="app=web")])
    bodies = [{"app": "web"}, {"app": "db"}]

    found = [
        list(one._accepted(_labelled(labels), ChangeContext(), NOW, ("pods",)))
        for labels in bodies
    ]

    assert [len(entries) for entries in found] == [1, 0]


def _labelled(labels: dict[str, str], known: ObjectMeta | None = None) -> Change:
    body = {
        "metadata": {
            "name": "web",
            "uid": "web",
            "resourceVersion": "1",
            "labels": labels,
        }
    }
    return Change(
        change="added",
        resource=pod(1).resource,
        object=msgspec.json.encode(body),
        resource_version="1",
        known=known,
    )


def test_labels_are_those_of_the_object_concerned() -> None:
    """Of an Event those of what it is about, else those that are known or read."""
    concerned = ChangeContext(concerned=InvolvedObject(labels={"of": "pod"}))
    known = ObjectMeta(key="/web", uid="web", version="1", labels={"of": "memory"})

    found = [
        labels_concerned(change(101), concerned),
        labels_concerned(change(101), ChangeContext()),
        labels_concerned(_labelled({"of": "object"}, known), ChangeContext()),
        labels_concerned(_labelled({"of": "object"}), ChangeContext()),
    ]

    assert [one.get("of") for one in found] == ["pod", None, "memory", "object"]
    assert change(101).resource == CORE_EVENTS
