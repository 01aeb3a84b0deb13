"""An event goes to each sink that a route leads to, once."""

from bridge.events import CloudEvent
from bridge.filters import routes
from bridge.filters.labels import compile_labels
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import attributes_of, compile_filters

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
