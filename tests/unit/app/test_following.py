"""Which scopes are read for the sources of one resource, as namespaces come and go."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bridge.app.following import Following, Scopes
from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.errors import NotServedError
from bridge.health import ReaderStatus
from bridge.ingest import Namespaces
from bridge.queue import Scope
from tests.unit.app.fakes import FakeReaders, label, namespace_informer, wanted_of
from tests.unit.memory_queue import MemoryQueue

PODS = BUILTIN["", "Pod"]
NODES = BUILTIN["", "Node"]
BY_TEAM = '{name: team, kind: Pod, namespaceSelector: "team=shop"}'
TWO = "{name: two, kind: Pod, namespaces: [b, a]}"


def scopes(
    *sources: str, everywhere: bool, resource: Resource = PODS, **labels: str
) -> Scopes:
    """Return the scopes of sources, in a cluster of some namespaces with a team."""
    informer = namespace_informer()
    for name, team in labels.items():
        label(informer, name, team=team)
    return Scopes(
        cluster="uid",
        resource=resource,
        wanted=wanted_of(*sources),
        is_everywhere=everywhere,
        namespaces=Namespaces(informer),
    )


def shown(found: Scopes) -> dict[str, list[str]]:
    """Return the names of the sources by namespace."""
    return {s.namespace: [one.name for one in n] for s, n in found.now().items()}


@pytest.mark.parametrize(
    ("source", "everywhere", "namespaces"),
    [
        ("{name: all, kind: Pod}", False, ["*"]),
        ("{name: one, kind: Pod, namespaces: [a]}", True, ["a"]),
        ("{name: one, kind: Pod, namespaces: [a]}", False, ["a"]),
        (TWO, True, ["*"]),
        (TWO, False, ["a", "b"]),
        (BY_TEAM, True, ["*"]),
        (BY_TEAM, False, ["x", "y"]),
    ],
)
def test_one_watch_of_everything_where_that_is_permitted(
    source: str, everywhere: bool, namespaces: list[str]
) -> None:
    """But one namespace is a watch of its own."""
    found = scopes(source, everywhere=everywhere, y="shop", x="shop", z="bank")

    assert list(shown(found)) == namespaces


def test_what_lives_in_no_namespace_is_read_as_a_whole() -> None:
    """There is nothing to choose."""
    found = scopes("{name: nodes, kind: Node}", everywhere=False, resource=NODES)

    assert shown(found) == {"*": ["nodes"]}


def test_scope_names_the_cluster_the_resource_and_the_selectors() -> None:
    """Nothing of the configuration's names."""
    source = '{kind: Pod, fieldSelector: "a=b", labelSelector: "c=d"}'

    [scope] = scopes(source, everywhere=False).now()

    assert scope == Scope(
        cluster="uid",
        resource="pods",
        namespace="*",
        field_selector="a=b",
        label_selector="c=d",
    )


def test_sources_share_scopes() -> None:
    """One watch for all that can be chosen from it; other selectors are other ones."""
    found = scopes(
        "{name: all, kind: Pod}",
        TWO,
        BY_TEAM,
        "{name: a, kind: Pod, namespaces: [a]}",
        '{name: web, kind: Pod, labelSelector: "app=web"}',
        everywhere=True,
    )

    shared = [[one.name for one in sources] for sources in found.now().values()]
    assert shared == [["all", "two", "team"], ["a"], ["web"]]


def test_source_chooses_from_a_watch_of_everything() -> None:
    """By name, or by the labels of the namespace; only there."""
    many = scopes("{name: all, kind: Pod}", TWO, BY_TEAM, everywhere=True, x="shop")
    alone = scopes(TWO, BY_TEAM, everywhere=False, a="shop")

    [(every, two, team)] = many.now().values()
    chosen = [[one.selects(n) for n in ("a", "x")] for one in (every, two, team)]

    assert chosen == [[True, True], [True, False], [None, True]]
    assert all(one.is_plain for sources in alone.now().values() for one in sources)


@pytest.mark.parametrize(
    ("source", "everywhere", "may_change"),
    [(BY_TEAM, False, True), (BY_TEAM, True, False), (TWO, False, False)],
)
def test_scopes_change_where_namespaces_are_watched_one_by_one(
    source: str, everywhere: bool, may_change: bool
) -> None:
    """And are chosen by their labels."""
    assert scopes(source, everywhere=everywhere).may_change is may_change


@dataclass
class Bench:
    """A Following, and what it does."""

    scopes: Scopes
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    readers: FakeReaders = field(default_factory=FakeReaders)
    published: list[Sequence[ReaderStatus]] = field(default_factory=list)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow while the block runs."""
        following = Following(
            self.scopes,
            queue=self.queue,  # type: ignore[arg-type]
            build=self.readers.build,
            publish=self.published.append,
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(following.run())
            await asyncio.sleep(0.1)
            yield
            task.cancel()

    async def label(self, name: str, team: str) -> None:
        """Let a namespace belong to a team."""
        assert self.scopes.namespaces is not None
        label(self.scopes.namespaces._informer, name, team=team)
        await asyncio.sleep(0.1)


def in_namespace(namespace: str) -> Scope:
    """Return the scope of Pods in a namespace."""
    return Scope(cluster="uid", resource="pods", namespace=namespace)


@pytest.mark.looptime
async def test_readers_come_and_go_with_namespaces() -> None:
    """Those of other namespaces go on."""
    bench = Bench(scopes(BY_TEAM, everywhere=False, a="shop"))

    async with bench.following():
        first = bench.readers.running
        await bench.label("b", "shop")
        both = bench.readers.running
        await bench.label("a", "bank")
        last = bench.readers.running

    assert first == [("a", ("team",))]
    assert both == [("a", ("team",)), ("b", ("team",))]
    assert (last, len(bench.readers.made)) == ([("b", ("team",))], 2)


@pytest.mark.looptime
async def test_other_sources_of_a_scope_are_another_reader() -> None:
    """It goes on from the same cursor."""
    one = "{name: one, kind: Pod, namespaces: [a]}"
    bench = Bench(scopes(one, BY_TEAM, everywhere=False))

    async with bench.following():
        before = bench.readers.running
        await bench.label("a", "shop")
        after = bench.readers.running

    assert (before, after) == ([("a", ("one",))], [("a", ("one", "team"))])


@pytest.mark.looptime
async def test_statuses_are_published_whenever_there_are_others() -> None:
    """One for each reader."""
    bench = Bench(scopes(BY_TEAM, everywhere=False, a="shop"))

    async with bench.following():
        await bench.label("c", "bank")
        await bench.label("b", "shop")

    named = [[one.namespace for one in statuses] for statuses in bench.published]
    assert named == [["a"], ["a", "b"]]
    assert bench.published[0][0] is bench.published[1][0]


@pytest.mark.looptime
async def test_new_scope_goes_on_from_the_cursor_of_one_that_is_left() -> None:
    """As when permission was withdrawn to read everything at once."""
    bench = Bench(scopes(TWO, everywhere=False))
    bench.queue.positions[in_namespace("*")] = "70"

    async with bench.following():
        pass

    expected = {in_namespace("a"): "70", in_namespace("b"): "70"}
    assert bench.queue.positions == expected


@pytest.mark.looptime
async def test_resource_that_is_not_served_any_more_ends_it() -> None:
    """With all its readers."""
    bench = Bench(scopes(TWO, everywhere=False))

    with pytest.raises(ExceptionGroup) as raised:
        await _lose(bench)

    assert raised.group_contains(NotServedError)
    assert bench.readers.running == []


async def _lose(bench: Bench) -> None:
    async with bench.following():
        error = NotServedError("gone", status=404)
        bench.readers.made[0].error.set_exception(error)
        await asyncio.sleep(0.1)


@pytest.mark.looptime
async def test_there_may_be_nothing_to_read_yet() -> None:
    """No namespace is selected; the source is shown all the same."""
    bench = Bench(scopes(BY_TEAM, everywhere=False))

    async with bench.following():
        pass

    [[status]] = bench.published
    assert (status.sources, status.namespace) == (("team",), "")
    assert (status.state, bench.readers.made) == ("watching", [])


@pytest.mark.looptime
async def test_all_of_a_namespace_that_is_made_meanwhile_is_new() -> None:
    """What is in one that only comes to match is not."""
    bench = Bench(scopes(BY_TEAM, everywhere=False, old="bank"))

    async with bench.following():
        await bench.label("made", "shop")
        await bench.label("old", "shop")

    emits = {one.scope.namespace: one.emits_initial for one in bench.readers.made}
    assert emits == {"made": True, "old": False}


@pytest.mark.looptime
async def test_namespace_that_comes_later_continues_nothing() -> None:
    """The cursor of one that was left long ago stays where it is."""
    bench = Bench(scopes(BY_TEAM, everywhere=False, a="shop"))

    async with bench.following():
        bench.queue.positions[in_namespace("left")] = "7"
        await bench.label("b", "shop")

    assert in_namespace("b") not in bench.queue.positions
    assert bench.queue.positions[in_namespace("left")] == "7"
