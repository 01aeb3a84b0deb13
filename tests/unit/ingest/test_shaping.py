"""In which forms an event is stored, and for whom."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bridge.cluster import CORE_EVENTS, Change, Known
from bridge.events.context import Concerned, Context
from bridge.filters.labels import compile_labels
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import compile_filters
from bridge.ingest import Form, Shaping, Source
from bridge.ingest.shaping import Told, labels_concerned
from bridge.queue import Entry
from tests.unit.ingest.objects import ORIGINS, PLAIN, change, pod

BOTH = ("thin", "rich")
NOW = "2026-11-20T10:00:00Z"
PREVIOUS = Context(previous=b'{"metadata":{},"spec":1}')


def route(*sinks: str, source: str | None = None, labels: str = "") -> Route:
    """Return a route to some sinks."""
    return Route(
        name="r",
        sources=None if source is None else frozenset({source}),
        matches=compile_filters([]),
        sinks=sinks,
        labels=compile_labels(labels) if labels else None,
    )


def shaping(*sources: Source, routes: Sequence[Route], **forms: Form) -> Shaping:
    """Return a shaping for two sinks, of our form unless told otherwise."""
    return Shaping(
        sources=sources,
        router=Router(routes),
        forms={**PLAIN, **forms},
        origins=ORIGINS,
    )


def thin_and_rich(**more: Any) -> list[Source]:
    """Return a source that asks for little and one that asks for more."""
    return [Source(name="thin"), Source(name="rich", **more)]


def shown(entries: Sequence[Entry]) -> list[tuple[tuple[str, ...], bool]]:
    """Return for each entry its sinks, and whether it tells what was before."""
    return [
        (entry.sinks, b'"previous":' in (entry.event.data or b""))
        for entry in entries
        if entry.event is not None
    ]


def test_entries_name_the_routes_that_chose_their_sinks() -> None:
    """An operator can ask by them, whatever form a sink has its events in."""
    one = shaping(
        *thin_and_rich(),
        routes=[route("hook", "broker"), route("hook", source="other")],
        broker=Form("knative", "object"),
    )

    made = one.entries(Told(change(1), Context(), NOW), BOTH)

    assert [entry.routes for entry in made] == [("r",), ("r",)]


def test_sink_of_two_sources_gets_the_richer_event_once() -> None:
    """However many sources lead to it, and in whatever order they are written."""
    sources = thin_and_rich(wants_previous=True)
    routes = [route("hook", "broker", source="thin"), route("hook", source="rich")]
    one = shaping(*sources, routes=routes)

    entries = list(one.entries(Told(pod(101), PREVIOUS, NOW), BOTH))

    assert shown(entries) == [(("hook",), True), (("broker",), False)]


def test_sink_of_the_modest_source_gets_what_that_asks_for() -> None:
    """Nothing of what another one wants."""
    sources = thin_and_rich(wants_concerned=True)
    one = shaping(*sources, routes=[route("hook", source="thin")])
    context = Context(concerned=Concerned(labels={"app": "web"}))

    [entry] = one.entries(Told(change(101), context, NOW), BOTH)

    assert entry.event is not None
    assert b'"labels"' not in (entry.event.data or b"")


def test_labels_for_routes_only_are_not_shown() -> None:
    """A route may select by them all the same."""
    source = Source(name="thin", wants_concerned=True, hides_labels=True)
    one = shaping(source, routes=[route("hook", labels="app=web")])
    concerned = Concerned(labels={"app": "web"}, annotations={"team": "shop"})

    told = Told(change(101), Context(concerned=concerned), NOW)
    [entry] = one.entries(told, ("thin",))

    assert entry.event is not None
    shown = entry.event.data or b""
    assert (b'"labels"' in shown, b'"team":"shop"' in shown) == (False, True)


def test_event_that_all_sinks_have_is_no_second_entry() -> None:
    """Those that want most come first; then there is nobody left."""
    sources = thin_and_rich(wants_previous=True)
    one = shaping(*sources, routes=[route("hook", "broker")])

    entries = list(one.entries(Told(pod(101), PREVIOUS, NOW), BOTH))

    assert shown(entries) == [(("hook", "broker"), True)]


def test_event_of_some_of_the_sources_is_theirs_only() -> None:
    """As when the other one does not want this change."""
    sources = thin_and_rich(wants_previous=True)
    one = shaping(*sources, routes=[route("hook")])

    entries = list(one.entries(Told(pod(101), PREVIOUS, NOW), ("thin",)))

    assert shown(entries) == [(("hook",), False)]


def test_there_may_be_an_entry_for_each_ask_and_form() -> None:
    """That many an item may become."""
    sources = thin_and_rich(wants_previous=True)
    one = shaping(*sources, routes=[], broker=Form("knative", "reference"))

    assert one.most_entries == 4


def test_reference_is_a_form_of_its_own() -> None:
    """It names the object and leaves the rest away."""
    one = shaping(
        Source(name="pods"),
        routes=[route("hook", "broker")],
        broker=Form("kubebridge", "reference"),
    )

    entries = list(
        one.entries(Told(pod(101, spec={"a": 1}), Context(), NOW), ("pods",))
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
    one = shaping(Source(name="pods"), routes=[route("hook", labels="app=web")])
    bodies = [{"app": "web"}, {"app": "db"}]

    found = [list(one.entries(_labelled(labels), ("pods",))) for labels in bodies]

    assert [len(entries) for entries in found] == [1, 0]


def _labelled(labels: dict[str, str], known: Known | None = None) -> Told:
    body = {
        "metadata": {
            "name": "web",
            "uid": "web",
            "resourceVersion": "1",
            "labels": labels,
        }
    }
    labelled = Change(
        change="added",
        resource=pod(1).resource,
        object=msgspec.json.encode(body),
        resource_version="1",
        known=known,
    )
    return Told(labelled, Context(), NOW)


def test_labels_are_those_of_the_object_concerned() -> None:
    """Of an Event those of what it is about, else those that are known or read."""
    concerned = Context(concerned=Concerned(labels={"of": "pod"}))
    known = Known(key="/web", uid="web", version="1", labels={"of": "memory"})

    found = [
        labels_concerned(Told(change(101), concerned, NOW)),
        labels_concerned(Told(change(101), Context(), NOW)),
        labels_concerned(_labelled({"of": "object"}, known)),
        labels_concerned(_labelled({"of": "object"})),
    ]

    assert [one.get("of") for one in found] == ["pod", None, "memory", "object"]
    assert change(101).resource == CORE_EVENTS
