"""A sink gets what it would have got, from lists of the API server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import pytest

from bridge.cluster import CORE_EVENTS, Change, Resource
from bridge.cluster.client import ListPage
from bridge.config import Config, parse_config
from bridge.config.parts import ingest_settings
from bridge.errors import ClusterError, ExpiredError
from bridge.events.convert import convert
from bridge.events.encode import encode
from bridge.events.origin import Origin
from bridge.health import Health
from bridge.ingest.build import ClusterParts
from bridge.ingest.checkpoint import EPOCH, memo
from bridge.ingest.scoping import Scopes
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.metrics import Metrics
from bridge.operate import backfill
from bridge.operate.backfill import Backfill
from bridge.queue import Entry, Scope
from tests.unit.ingest.fakes import config_of, sources_of
from tests.unit.ingest.objects import PODS, change, pod
from tests.unit.memory_queue import MemoryQueue

EVENTS = "{name: events}"
ONE_NAMESPACE = "{name: events, namespaces: [shop]}"
PODS_TOO = "{name: pods, kind: Pod}"


@dataclass
class Lists:
    """An API server that answers lists; see `ClusterClient`.

    Attributes:
        pages: The objects on each page, by resource.
        asked: Resource, namespace and token of each request.
        expired: Tokens that have expired.
    """

    pages: dict[str, list[list[Change]]] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str]] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    server: str = "https://api.test"

    async def list_page(self, resource: Resource, **options: Any) -> ListPage:
        """See `ClusterClient.list_page`."""
        token = options["continue_token"]
        self.asked.append((resource.name, options["namespace"], token))
        if token in self.expired:
            raise ExpiredError("expired", status=410)
        pages = self.pages.get(resource.name, [[]])
        number = int(token or 0)
        more = str(number + 1) if number + 1 < len(pages) else ""
        items = [one.object for one in pages[number]]
        return ListPage(items=items, resource_version="9", continue_token=more)


@dataclass
class Bench:
    """A Backfill, and what is around it."""

    config: Config
    scopes: Sequence[Scopes]
    lists: Lists = field(default_factory=Lists)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="0"))

    def build(self, *, is_connected: bool = True) -> Backfill:
        """Return it, connected to the lists."""
        queue = cast("Any", self.queue)
        supervisor = ReaderSupervisor(
            ingest_settings(self.config),
            queue=queue,
            health=Health(),
            metrics=self.metrics,
        )
        if is_connected:
            supervisor._reached = ClusterParts(
                ingest_settings(self.config),
                cast("Any", self.lists),
                uid="uid",
                queue=queue,
                metrics=self.metrics,
                tasks=cast("Any", None),
            )
        supervisor.scopes = lambda: list(self.scopes)  # type: ignore[method-assign]
        return Backfill(supervisor, queue=queue, metrics=self.metrics)

    def stored(self) -> list[str]:
        """Return the ids of what was queued."""
        return [one.encoded.id for one in self.queue.entries if one.encoded]


def bench_of(*sources: str, more: str = "") -> Bench:
    """Return one that reads Kubernetes Events and Pods, as far as sources want them."""
    wanted = sources_of(*sources, more=more)
    kinds = {"Event": CORE_EVENTS, "Pod": PODS}
    scopes = [
        Scopes(
            cluster="uid",
            resource=resource,
            sources=[one for one in wanted if one.settings.target.kind == kind],
            is_everywhere=True,
            namespaces=None,
        )
        for kind, resource in kinds.items()
    ]
    return Bench(config_of(*sources, more=more), scopes)


async def filled(one: Backfill, takes: Any = lambda _: True) -> list[Any]:
    """Return every page of a backfill of sink `out`."""
    pages, place = [], None
    while True:
        page = await one.list_page("out", place=place, takes=takes)
        if page is None:
            return pages
        pages.append(page)
        place = page.place
        if place is None:
            return pages


async def test_what_the_api_server_holds_is_queued() -> None:
    """With the ids that a reader would have given, page by page; no cursor moves."""
    bench = bench_of(EVENTS)
    bench.lists.pages["events"] = [
        [change(7, uid="a"), change(8, uid="b")],
        [change(9)],
    ]

    pages = await filled(bench.build())

    assert bench.stored() == ["a-7", "b-8", "uid-9"]
    assert [(one.listed, one.queued) for one in pages] == [(2, 2), (1, 1)]
    assert pages[0].oldest == "2026-11-20T10:00:00Z"
    assert bench.queue.positions == {}


async def test_every_resource_of_the_sink_is_listed() -> None:
    """One after the other, where its sources read."""
    bench = bench_of(ONE_NAMESPACE, PODS_TOO)
    bench.lists.pages["pods"] = [[pod(5)]]

    pages = await filled(bench.build())

    assert [one[:2] for one in bench.lists.asked] == [
        ("events", "shop"),
        ("pods", None),
    ]
    assert [(one.resource, one.namespace) for one in pages] == [
        ("events", "shop"),
        ("pods", "*"),
    ]
    assert bench.stored() == ["web-5"]
    assert all(one.remember is None for one in bench.queue.entries)


async def test_only_what_a_route_leads_to_the_sink_is_queued() -> None:
    """Filters are those of the routes; other sinks get nothing of it."""
    more = (
        "routes: [{name: r, filters: [{exact: {reason: BackOff}}], sinks: [out]},"
        " {name: q, sinks: [other]}]\n"
        "sinks: [{type: stdout, name: out}, {type: stdout, name: other}]\n"
    )
    bench = bench_of(EVENTS)
    bench.config = config_of(EVENTS).model_copy(
        update={name: getattr(parse(more), name) for name in ("routes", "sinks")}
    )
    bench.lists.pages["events"] = [[change(7), change(8, reason="Killing")]]

    await filled(bench.build())

    assert [one.sinks for one in bench.queue.entries] == [("out",)]
    assert bench.stored() == ["uid-7"]


def parse(more: str) -> Config:
    """Return a configuration."""
    return parse_config(more, name="b.yaml", env={})


async def test_a_sink_without_sources_has_nothing_to_list() -> None:
    """There is no page."""
    bench = bench_of(EVENTS, more="routes: [{name: r, sources: [], sinks: [out]}]")

    assert await filled(bench.build()) == []


async def test_what_is_not_meant_is_not_queued() -> None:
    """Each event is asked for once, with its routes."""
    bench = bench_of(EVENTS)
    bench.lists.pages["events"] = [[change(7), change(8)]]
    asked: list[Entry] = []

    def takes(entry: Entry) -> bool:
        asked.append(entry)
        return len(asked) == 2

    [page] = await filled(bench.build(), takes)

    assert (bench.stored(), page.queued, page.listed) == (["uid-8"], 1, 2)
    assert [one.routes for one in asked] == [("all",), ("all",)]


async def test_a_list_that_expired_begins_anew() -> None:
    """What is queued twice has the same ids; whoever asks leaves it out."""
    bench = bench_of(EVENTS)
    bench.lists.pages["events"] = [[change(7)], [change(8)]]
    bench.lists.expired = {"1"}
    one = bench.build()
    first = await one.list_page("out", place=None, takes=lambda _: True)
    assert first is not None

    await one.list_page("out", place=first.place, takes=lambda _: True)

    assert [token for _, _, token in bench.lists.asked] == ["", "1", ""]


@pytest.mark.parametrize("place", ["x", "%%%", "WzFd", "W10="])
async def test_a_place_that_is_none_is_the_beginning(place: str) -> None:
    """Nothing is left out."""
    bench = bench_of(EVENTS)

    await bench.build().list_page("out", place=place, takes=lambda _: True)

    assert bench.lists.asked == [("events", None, "")]


async def test_ids_are_those_of_the_epoch() -> None:
    """A cluster that was rolled back uses versions again."""
    bench = bench_of(EVENTS)
    scope = Scope(cluster="uid", resource="events")
    await bench.queue.put([memo(EPOCH, b"2")], scope=scope, since=None, to="1")
    bench.lists.pages["events"] = [[change(7)]]

    await filled(bench.build())

    assert bench.stored() == ["uid-7-e2"]


async def test_what_stays_unknown_is_an_error(monkeypatch: Any) -> None:
    """It is tried again later, rather than sent to the wrong sink."""
    bench = bench_of(EVENTS)
    bench.lists.pages["events"] = [[change(7)]]
    monkeypatch.setattr(backfill, "ANSWERS_SECONDS", 0.0)
    monkeypatch.setattr(backfill.Planner, "held", 1)

    with pytest.raises(ClusterError, match="is not known after 0 s"):
        await filled(bench.build())


async def test_what_becomes_known_is_waited_for(monkeypatch: Any) -> None:
    """As a reader waits."""
    bench = bench_of(EVENTS)
    bench.lists.pages["events"] = [[change(7)]]
    waits = iter([1, 0])
    monkeypatch.setattr(backfill.Planner, "held", property(lambda _: next(waits)))

    await filled(bench.build())

    assert bench.stored() == ["uid-7"]


async def test_nothing_is_listed_before_the_cluster_was_reached() -> None:
    """The error says so."""
    one = bench_of(EVENTS).build(is_connected=False)

    with pytest.raises(ClusterError, match="not reached yet"):
        await one.list_page("out", place=None, takes=lambda _: True)
    with pytest.raises(ClusterError, match="not reached yet"):
        one.wanted("out")


def stored_event(one: Change, **origin: Any) -> Any:
    """Return a change as it lies in the queue."""
    at = Origin(cluster="prod", **origin)
    return encode(convert(one, origin=at, recorded="2026-11-20T10:00:00Z"))


@pytest.mark.parametrize(
    ("sources", "more", "event", "wanted"),
    [
        ([EVENTS], "", stored_event(change(1)), True),
        ([PODS_TOO], "", stored_event(change(1)), False),
        ([EVENTS], "", stored_event(pod(1)), False),
        ([PODS_TOO], "", stored_event(pod(1)), True),
        ([ONE_NAMESPACE], "", stored_event(change(1)), True),
        (["{name: events, namespaces: [a]}"], "", stored_event(change(1)), False),
        ([EVENTS], "", stored_event(change(1), profile="knative"), False),
        ([EVENTS], "", stored_event(change(1), data="reference"), False),
        ([EVENTS], "routes: [{name: r, labels: a=b}]", stored_event(change(1)), False),
    ],
)
async def test_a_stored_event_is_wanted_if_a_route_leads_it_there(
    sources: list[str], more: str, event: Any, wanted: bool
) -> None:
    """By its source and its filters; one in another form is left to the list."""
    one = bench_of(*sources, more=more).build()

    assert one.wanted("out")(event) is wanted


async def test_what_tells_of_no_change_is_not_wanted() -> None:
    """Gaps and tests were not meant for a sink that was not there."""
    event = msgspec.structs.replace(
        stored_event(change(1)), body=b'{"type":"io.kubebridge.gap.v1"}', data_offset=31
    )

    assert bench_of(EVENTS).build().wanted("out")(event) is False
