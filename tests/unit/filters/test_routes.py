"""An event goes to each sink that a route leads to, once."""

from dataclasses import replace
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from bridge.events import CloudEvent
from bridge.filters import routes
from bridge.filters.labels import compile_labels
from bridge.filters.routes import ExactIndex, Route, Router
from bridge.filters.subscriptions import attributes_of, compile_filters, texts_of

EVENT = CloudEvent(id="1", source="/s", type="t", extensions={"reason": "BackOff"})


def route(
    *sinks: str,
    name: str = "r",
    sources: set[str] | None = None,
    reason: str = "",
    labels: str | None = None,
) -> Route:
    """Return a route to some sinks."""
    spec = [{"exact": {"reason": reason}}] if reason else []
    return Route(
        name=name,
        sources=None if sources is None else frozenset(sources),
        matches=compile_filters(spec),
        sinks=sinks,
        labels=None if labels is None else compile_labels(labels),
        reads=attributes_of(spec),
        texts=texts_of(spec),
    )


def test_event_goes_to_a_sink_once():
    """However many routes match, in the order in which they are written."""
    router = Router([route("b", "a"), route("a", "c", "b")])

    found = [router.choose(EVENT, sources=("events",)).sinks for _ in range(2)]

    assert found == [("b", "a", "c")] * 2


def test_event_goes_where_a_filter_passes_it():
    """Routes whose filters do not match lead nowhere."""
    router = Router([route("a", reason="BackOff"), route("b", reason="Other")])

    assert router.choose(EVENT, sources=("events",)).sinks == ("a",)


def test_event_goes_along_routes_of_its_sources():
    """A route without sources takes from all; one of several sources is enough."""
    router = Router(
        [route("a", sources={"pods"}), route("b", sources={"x", "events"}), route("c")]
    )

    assert router.choose(EVENT, sources=("events", "y")).sinks == ("b", "c")
    assert router.choose(EVENT, sources=("pods",)).sinks == ("a", "c")
    assert router.choose(EVENT, sources=()).sinks == ("c",)


def test_event_knows_the_routes_that_chose_its_sinks():
    """All that took it, in the order in which they are written."""
    router = Router(
        [route("a", name="x"), route("a", name="y", reason="Other"), route("b")]
    )

    assert router.choose(EVENT, sources=("events",)) == (("a", "b"), ("x", "r"))


def test_choices_that_are_remembered_are_bounded(monkeypatch):
    """Many routes have many unions; forgetting them changes no answer."""
    monkeypatch.setattr(routes, "_MOST_REMEMBERED", 1)
    router = Router([route("a", sources={"x"}), route("b", sources={"y"})])

    found = [router.choose(EVENT, sources=(one,)).sinks for one in "xyx"]

    assert found == [("a",), ("b",), ("a",)]


def test_a_union_of_many_sinks_counts_for_more(monkeypatch):
    """Memory is bounded, not a number of unions (issue 10, item 26)."""
    monkeypatch.setattr(routes, "_MOST_REMEMBERED", 10)
    router = Router([route(*map(str, range(20)), sources={"x"}), route("b")])

    found = [router.choose(EVENT, sources=(one,)).sinks for one in "xyy"]

    assert [len(one) for one in found] == [21, 1, 1]
    assert len(router._chosen) == 1


def test_five_thousand_routes_are_not_each_asked():
    """An event goes only where a filter could take it (issue 10, item 26)."""
    asked = []
    many = [route(f"s{i}", name=f"r{i}", reason=f"n{i}") for i in range(5000)]
    many.append(route("last", name="all"))
    spied = [
        replace(one, matches=lambda event, one=one: asked.append(one.name) or True)
        for one in many
    ]
    event = CloudEvent(id="1", source="/s", type="t", extensions={"reason": "n4321"})

    chosen = Router(spied).choose(event, sources=("events",))

    assert chosen.sinks == ("s4321", "last")
    assert asked == ["r4321", "all"]


def test_the_rarest_attribute_is_looked_up():
    """Not one that most routes share (issue 10, item 26)."""
    found = ExactIndex(
        (i, {"kind": frozenset({"Pod"}), "name": frozenset({f"p{i}", f"q{i}"})})
        for i in range(100)
    )
    event = CloudEvent(
        id="1", source="/s", type="t", extensions={"kind": "Pod", "name": "q7"}
    )

    assert found.of(event) == [7]


def test_only_texts_that_an_event_must_have_are_looked_up():
    """Not those of one alternative, nor what stands in the object (item 26)."""
    spec = [
        {"exact": {"reason": ["A", "B"], "data.message": "x"}},
        {"all": [{"exact": {"reason": ["B", "C"]}}, {"not": {"exact": {"name": "n"}}}]},
        {"any": [{"exact": {"kind": "Pod"}}]},
        {"exact": {"name": ["x", "y"]}},
        {"exact": {"name": ["y", "z"]}},
    ]

    assert texts_of(spec) == {"reason": {"B"}, "name": {"y"}}


few = st.sampled_from(["a", "b", "c"])
filters = st.dictionaries(few, few | st.lists(few, min_size=1), min_size=1).map(
    lambda entries: {"exact": entries}
)
specs = st.lists(
    filters
    | st.builds(lambda one: {"not": one}, filters)
    | st.builds(lambda some: {"all": some}, st.lists(filters, min_size=1)),
    max_size=3,
)


@given(st.lists(specs, max_size=4), st.dictionaries(few, few))
def test_an_index_changes_no_answer(written, extensions):
    """Looked up or asked one by one, the same routes take an event (item 26)."""
    event = CloudEvent(id="1", source="/s", type="t", extensions=extensions)
    every = [
        Route(
            name=str(place),
            sources=None,
            matches=compile_filters(spec),
            sinks=("s",),
            texts=texts_of(spec),
        )
        for place, spec in enumerate(written)
    ]

    with patch.object(routes, "_FEW", 0):
        chosen = Router(every).choose(event, sources=("events",)).routes

    assert chosen == tuple(one.name for one in every if one.matches(event))


def test_no_routes_lead_nowhere():
    """What no configured route means is decided where routes are made."""
    assert Router([]).choose(EVENT, sources=("events",)).sinks == ()


def test_route_without_sources_takes_from_none():
    """None is all; an empty set is none."""
    router = Router([route("a", sources=set())])

    assert router.choose(EVENT, sources=("events",)).sinks == ()


def test_sinks_of_sources_ignore_filters():
    """A gap concerns all who could have got an event."""
    router = Router(
        [
            route("a", reason="Other"),
            route("b", "a", sources={"events"}, reason="Other"),
            route("c", sources={"pods"}),
        ]
    )

    assert router.sinks_of_sources(("events",)) == ("a", "b")


def test_event_goes_where_its_labels_are_selected():
    """Those of the object concerned; the labels are asked for once."""
    router = Router(
        [route("a", labels="app=web"), route("b", labels="app=db"), route("c")]
    )
    asked = iter([{"app": "web"}])

    sinks = router.choose(EVENT, sources=("events",), labels=lambda: next(asked)).sinks

    assert sinks == ("a", "c")


def test_labels_are_asked_for_only_when_they_decide():
    """Not for routes without a selector, nor for those that another filter closes."""
    router = Router([route("a"), route("b", labels="app=db", reason="Other")])

    def labels():
        raise AssertionError

    assert router.choose(EVENT, sources=("events",), labels=labels).sinks == ("a",)


def test_labels_that_are_not_known_are_none():
    """Selectors that want a label missing select such an event."""
    router = Router([route("a", labels="app"), route("b", labels="!app")])

    assert router.choose(EVENT, sources=("events",)).sinks == ("b",)


def test_router_says_what_its_routes_ask_for():
    """Source by source: labels, and attributes that filters read."""
    router = Router(
        [
            route("a", sources={"pods"}, labels="app=web"),
            route("b", sources={"events"}, reason="Other"),
        ]
    )

    assert router.needs_labels(("pods", "events"))
    assert not router.needs_labels(("events",))
    assert router.reads("reason", ("events",))
    assert not router.reads("reason", ("pods",))
    assert not router.reads("kind", ("events",))
