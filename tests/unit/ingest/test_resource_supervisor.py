"""A reader for each scope of one resource, as namespaces and settings change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bridge.cluster.builtin import BUILTIN
from bridge.errors import ForbiddenError, NotServedError
from bridge.ingest.build import ClusterParts
from bridge.ingest.resource_supervisor import ResourceSupervisor
from bridge.metrics import Metrics
from bridge.queue import Scope
from tests.unit.ingest.fakes import FakeApi, FakeReaders, label, settings_of
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime
PODS = BUILTIN["", "Pod"]
BY_TEAM = '{name: team, kind: Pod, namespaceSelector: "team=shop"}'
TWO = "{name: two, kind: Pod, namespaces: [b, a]}"


@dataclass
class Bench:
    """Supervises Pods that may not be read everywhere, in namespaces with a team."""

    sources: tuple[str, ...]
    readers: FakeReaders
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    published: list[list[str]] = field(default_factory=list)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Read while the block runs."""
        refusals = {"pods": ForbiddenError("no", status=403)}
        async with asyncio.TaskGroup() as tasks:
            self.parts = ClusterParts(
                settings_of(*self.sources),
                cast("Any", FakeApi(refusals=refusals)),
                uid="uid",
                queue=cast("Any", self.queue),
                metrics=Metrics(version="0"),
                tasks=tasks,
            )
            self.pods = ResourceSupervisor(
                PODS,
                self.parts.builder.sources,
                parts=self.parts,
                publish=self._publish,
            )
            task = tasks.create_task(self.pods.run())
            await asyncio.sleep(0.1)
            yield
            task.cancel()

    def _publish(self) -> None:
        namespaces = [one.namespace for one in self.pods.statuses]
        if namespaces not in self.published[-1:]:
            self.published.append(namespaces)

    async def label(self, name: str, team: str) -> None:
        """Let a namespace belong to a team."""
        label(self.readers.informer, name, team=team)
        await asyncio.sleep(0.1)

    async def apply(self, *sources: str, more: str = "") -> None:
        """Read by other settings."""
        self.parts.apply(settings_of(*sources, more=more))
        built = self.parts.builder.sources
        self.pods.apply([one for one in built if one.settings.kind == "Pod"])
        await asyncio.sleep(0.1)


@pytest.fixture
def bench_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes a bench of sources and labelled namespaces."""

    def make(*sources: str, **labels: str) -> Bench:
        bench = Bench(sources, FakeReaders())
        bench.readers.install(monkeypatch)
        bench.readers.informer.synced.set()
        for name, team in labels.items():
            label(bench.readers.informer, name, team=team)
        return bench

    return make


def in_namespace(namespace: str) -> Scope:
    """Return the scope of Pods in a namespace."""
    return Scope(cluster="uid", resource="pods", namespace=namespace)


async def test_readers_come_and_go_with_namespaces(bench_of: Any) -> None:
    """Those of other namespaces go on."""
    bench = bench_of(BY_TEAM, a="shop")

    async with bench.following():
        first = bench.readers.running
        await bench.label("b", "shop")
        both = bench.readers.running
        await bench.label("a", "bank")
        last = bench.readers.running

    assert first == [("a", ("team",))]
    assert both == [("a", ("team",)), ("b", ("team",))]
    assert (last, len(bench.readers.made)) == ([("b", ("team",))], 2)


async def test_other_sources_of_a_scope_are_another_reader(bench_of: Any) -> None:
    """It goes on from the same cursor."""
    one = "{name: one, kind: Pod, namespaces: [a]}"
    bench = bench_of(one, BY_TEAM)

    async with bench.following():
        before = bench.readers.running
        await bench.label("a", "shop")
        after = bench.readers.running

    assert (before, after) == ([("a", ("one",))], [("a", ("one", "team"))])


async def test_statuses_are_published_whenever_there_are_others(bench_of: Any) -> None:
    """One for each reader."""
    bench = bench_of(BY_TEAM, a="shop")

    async with bench.following():
        await bench.label("c", "bank")
        await bench.label("b", "shop")

    assert bench.published == [["*"], ["a"], ["a", "b"]]
    assert bench.pods.statuses[0] is bench.readers.made[0].status


async def test_new_scope_goes_on_from_the_cursor_of_one_that_is_left(
    bench_of: Any,
) -> None:
    """As when permission was withdrawn to read everything at once."""
    bench = bench_of(TWO)
    bench.queue.positions[in_namespace("*")] = "70"

    async with bench.following():
        pass

    expected = {in_namespace("a"): "70", in_namespace("b"): "70"}
    assert bench.queue.positions == expected


async def test_resource_that_is_not_served_any_more_ends_it(bench_of: Any) -> None:
    """With all its readers."""
    bench = bench_of(TWO)

    with pytest.raises(ExceptionGroup) as raised:
        await _lose(bench)

    assert raised.group_contains(NotServedError)
    assert bench.readers.running == []


async def _lose(bench: Bench) -> None:
    async with bench.following():
        error = NotServedError("gone", status=404)
        bench.readers.made[0].error.set_exception(error)
        await asyncio.sleep(0.1)


async def test_there_may_be_nothing_to_read_yet(bench_of: Any) -> None:
    """No namespace is selected; the source is shown all the same."""
    bench = bench_of(BY_TEAM)

    async with bench.following():
        pass

    [status] = bench.pods.statuses
    assert (status.sources, status.namespace) == (("team",), "")
    assert (status.state, bench.readers.made) == ("watching", [])


async def test_all_of_a_namespace_that_is_made_meanwhile_is_new(bench_of: Any) -> None:
    """What is in one that only comes to match is not."""
    bench = bench_of(BY_TEAM, old="bank")

    async with bench.following():
        await bench.label("made", "shop")
        await bench.label("old", "shop")

    emits = {one.scope.namespace: one.emits_initial for one in bench.readers.made}
    assert emits == {"made": True, "old": False}


async def test_namespace_that_comes_later_continues_nothing(bench_of: Any) -> None:
    """The cursor of one that was left long ago stays where it is."""
    bench = bench_of(BY_TEAM, a="shop")

    async with bench.following():
        bench.queue.positions[in_namespace("left")] = "7"
        await bench.label("b", "shop")

    assert in_namespace("b") not in bench.queue.positions
    assert bench.queue.positions[in_namespace("left")] == "7"


BY_NAME = "routes: [{name: r, sources: [%s], filters: [{exact: {name: web}}]}]"


@pytest.mark.parametrize(
    ("sources", "more", "replaced"),
    [
        ([TWO], "", []),
        ([TWO], BY_NAME % "two", ["a", "b"]),
        ([TWO.replace("a]", "c]")], "", []),
        ([TWO.replace("}", ", keep: all}")], "", ["a", "b"]),
        ([TWO, "{name: more, kind: Pod, namespaces: [a]}"], "", ["a"]),
        ([TWO], "events: {typePrefix: com.shop}", ["a", "b"]),
    ],
    ids=["same", "routes", "namespaces", "keep", "shared", "events"],
)
async def test_new_settings_replace_the_readers_that_depend_on_them(
    bench_of: Any, sources: list[str], more: str, replaced: list[str]
) -> None:
    """The others go on; the queue keeps the cursors of both."""
    bench = bench_of(TWO)

    async with bench.following():
        before = bench.readers.running
        await bench.apply(*sources, more=more)
        after = [one.scope.namespace for one in bench.readers.made[len(before) :]]

    assert [name for name in after if name != "c"] == replaced


async def test_routes_of_other_sources_replace_no_reader(bench_of: Any) -> None:
    """Nor do sinks that they alone reach."""
    bench = bench_of(TWO)
    routes = "routes: [{name: r, sources: [two]}%s]"

    async with bench.following():
        await bench.apply(TWO, "{}", more=routes % "")
        made = len(bench.readers.made)
        await bench.apply(TWO, "{}", more=routes % ", {name: s, sources: [events]}")

    assert len(bench.readers.made) == made


async def test_new_namespace_of_a_source_continues_from_the_one_that_left(
    bench_of: Any,
) -> None:
    """As after a restart: it never starts silently from now."""
    bench = bench_of("{name: one, kind: Pod, namespaces: [a]}")
    bench.queue.positions[in_namespace("a")] = "70"

    async with bench.following():
        await bench.apply("{name: one, kind: Pod, namespaces: [b]}")

    assert bench.queue.positions == {in_namespace("b"): "70"}


async def test_new_lookups_replace_the_readers_that_ask_for_them(bench_of: Any) -> None:
    """The informers of the old ones stop."""
    bench = bench_of(TWO)

    async with bench.following():
        before = bench.parts.builder.enrichment
        enriched = "{name: e, enrich: {labels: true}}"
        await bench.apply(TWO, enriched)
        first = bench.parts.builder.enrichment
        await bench.apply(TWO, enriched, more="events: {typePrefix: com.shop}")
        same = bench.parts.builder.enrichment
        await bench.apply(TWO, enriched.replace("labels", "owner"))

    assert (before, first is not None, same is first) == (None, True, True)
    assert bench.parts.builder.enrichment is not first


async def test_nothing_starts_while_settings_are_to_come(bench_of: Any) -> None:
    """A namespace that comes meanwhile is read by the new ones."""
    bench = bench_of(BY_TEAM, a="shop")
    async with bench.following():
        bench.parts.is_held = True
        await bench.label("b", "shop")
        held = bench.readers.running
        await bench.apply(BY_TEAM)

        assert held == [("a", ("team",))]
        assert bench.readers.running == [("a", ("team",)), ("b", ("team",))]


async def test_settings_that_change_again_at_once_are_the_only_ones_used(
    bench_of: Any,
) -> None:
    """The readers of the first still end."""
    bench = bench_of("{name: one, kind: Pod, namespaces: [a]}")
    async with bench.following():
        for place in "bc":
            settings = settings_of(f"{{name: one, kind: Pod, namespaces: [{place}]}}")
            bench.parts.apply(settings)
            bench.pods.apply(bench.parts.builder.sources)
            for _ in range(2):
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)

        assert [one.scope.namespace for one in bench.readers.made] == ["a", "c"]
