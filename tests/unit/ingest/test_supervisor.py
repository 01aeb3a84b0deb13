"""What the sources name is found, read, lost and found again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import (
    ClusterError,
    ForbiddenError,
    NotServedError,
    UnreachableError,
)
from bridge.health import Health
from bridge.ingest.supervisor import MISSED_SECONDS, ReaderSupervisor
from bridge.metrics import Metrics
from tests.unit.ingest.fakes import (
    FakeApi,
    FakeReaders,
    group,
    label,
    resources,
    settings_of,
)
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

PODS = "{name: pods, kind: Pod}"
CATS = "{name: cats, kind: Cat, apiVersion: shop.io/v1}"
BY_KIND = "{name: kind, kind: Deployment, apiVersion: apps/v1}"
BY_RESOURCE = "{name: plural, resource: deployments.apps}"
REFUSED = UnreachableError("refused", phase="connect")
GONE = NotServedError("the resource is gone", status=404)


@dataclass
class Bench:
    """A supervisor, and what is around it."""

    api: FakeApi = field(default_factory=FakeApi)
    readers: FakeReaders = field(default_factory=FakeReaders)
    health: Health = field(default_factory=Health)
    queue: MemoryQueue = field(default_factory=MemoryQueue)

    @asynccontextmanager
    async def reading(self, *sources: str) -> AsyncIterator[None]:
        """Read while the block runs."""
        self.supervisor = ReaderSupervisor(
            settings_of(*sources),
            queue=self.queue,  # type: ignore[arg-type]
            health=self.health,
            metrics=Metrics(version="0"),
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.supervisor.run(self.api))  # type: ignore[arg-type]
            await asyncio.sleep(0.1)
            yield
            task.cancel()

    async def apply(self, *sources: str, more: str = "") -> None:
        """Read by other settings."""
        self.supervisor.apply(settings_of(*sources, more=more))
        await asyncio.sleep(0.1)

    def serve_cats(self, *versions: str, namespaced: bool = True) -> None:
        """Let a kind be served."""
        self.api.answers["/apis/shop.io"] = group(*versions)
        document = resources(("cats", "Cat"), namespaced=namespaced)
        for version in versions:
            self.api.answers[f"/apis/shop.io/{version}"] = document

    @property
    def states(self) -> dict[tuple[str, ...], tuple[str, str]]:
        """What is said of each reader: its state, and why."""
        return {one.sources: (one.state, one.error) for one in self.health.readers}

    @property
    def reads(self) -> list[tuple[str, ...]]:
        """For which sources readers run."""
        return [names for _, names in self.readers.running]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return one whose API server serves Pods, Events and Deployments."""
    bench = Bench()
    bench.readers.install(monkeypatch)
    return bench


async def test_kind_that_is_served_is_read(bench: Bench) -> None:
    """Its status is that of its reader."""
    async with bench.reading(PODS):
        assert bench.reads == [("pods",)]
        [status] = bench.health.readers

    assert (status.resource, status.state) == ("pods", "starting")


async def test_kind_that_comes_later_is_found(bench: Bench) -> None:
    """Others work meanwhile; it is said what is not there."""
    async with bench.reading(PODS, CATS):
        before, states = bench.reads, bench.states
        bench.serve_cats("v1")
        await asyncio.sleep(10)
        after = bench.reads

    assert (before, after) == ([("pods",)], [("cats",), ("pods",)])
    assert states["cats",][0] == "absent"
    assert "does not serve shop.io/v1 Cat" in states["cats",][1]
    assert {one.resource for one in bench.health.readers} == {"pods", "cats.shop.io"}


async def test_kind_that_goes_is_absent_until_it_comes_again(bench: Bench) -> None:
    """Its readers end; others do not notice."""
    bench.serve_cats("v1")
    async with bench.reading(PODS, CATS):
        bench.api.answers = FakeApi().answers
        bench.readers.made[-1].error.set_exception(GONE)
        await asyncio.sleep(0.1)
        gone, state = bench.reads, bench.states["cats",]
        bench.serve_cats("v1")
        await asyncio.sleep(10)
        again = bench.reads

    assert (gone, again) == ([("pods",)], [("cats",), ("pods",)])
    assert state[0] == "absent"


async def test_loss_is_logged_with_its_reason(bench: Bench) -> None:
    """Not with the groups that tasks wrap it in."""
    with capture_logs() as logs:
        async with bench.reading(PODS):
            bench.readers.made[-1].error.set_exception(GONE)
            await asyncio.sleep(0.1)

    [log] = [one for one in logs if one["event"] == "Not served any more."]
    assert log["error"] == "the resource is gone"


async def test_kind_that_is_named_but_cannot_be_listed_is_no_storm(
    bench: Bench,
) -> None:
    """Discovery may go on to name what is gone."""
    bench.api.refusals["pods"] = GONE

    async with bench.reading("{name: pods, kind: Pod, namespaces: [a, b]}"):
        await asyncio.sleep(10 * MISSED_SECONDS)

    assert bench.api.requests.count("list pods") <= 12
    assert bench.states["pods",][0] == "absent"


@pytest.mark.parametrize(
    ("error", "state"),
    [(ForbiddenError("no discovery", status=403), "failed"), (REFUSED, "waiting")],
)
async def test_trouble_with_discovery_is_shown(
    bench: Bench, error: ClusterError, state: str
) -> None:
    """What it is, until it is over."""
    answers = dict(bench.api.answers)
    bench.api.answers["/api/v1"] = error

    with capture_logs() as logs:
        async with bench.reading(PODS, BY_KIND):
            before, reads = bench.states["pods",], bench.reads
            bench.api.answers = answers
            await asyncio.sleep(10)
            after = bench.reads

    assert before == (state, str(error))
    assert (reads, sorted(after)) == ([("kind",)], [("kind",), ("pods",)])
    assert logs[0] | {"source": "v1 Pod", "error": str(error)} == logs[0]


async def test_two_names_of_one_resource_are_one_reader(bench: Bench) -> None:
    """By kind and by resource; one watch for both."""
    async with bench.reading(BY_KIND, BY_RESOURCE):
        assert bench.reads == [("kind", "plural")]
        assert [one.sources for one in bench.health.readers] == [("kind", "plural")]


async def test_second_name_that_is_found_later_joins_the_reader(bench: Bench) -> None:
    """Two readers of one scope would take changes from each other."""
    document = bench.api.answers.pop("/apis/apps")

    async with bench.reading(BY_KIND, BY_RESOURCE):
        before = bench.reads
        bench.api.answers["/apis/apps"] = document
        await asyncio.sleep(10)
        after = bench.reads
        statuses = bench.states

    assert (before, after) == ([("kind",)], [("kind", "plural")])
    assert set(statuses) == {("kind", "plural")}


async def test_both_names_are_absent_when_the_resource_goes(bench: Bench) -> None:
    """Each is said to be; both are found again."""
    async with bench.reading(BY_KIND, BY_RESOURCE):
        answers, bench.api.answers = bench.api.answers, {}
        bench.readers.made[-1].error.set_exception(GONE)
        await asyncio.sleep(5)
        states = bench.states
        bench.api.answers = answers
        await asyncio.sleep(10)
        assert bench.reads == [("kind", "plural")]

    assert {names: state for names, (state, _) in states.items()} == {
        ("kind",): "absent",
        ("plural",): "absent",
    }


async def test_other_version_than_the_one_named_is_read(bench: Bench) -> None:
    """And the log says so."""
    bench.serve_cats("v2")

    with capture_logs() as logs:
        async with bench.reading(CATS):
            reads = bench.reads

    assert reads == [("cats",)]
    [log] = [one for one in logs if one["event"] == "Served in another version."]
    assert (log["wanted"], log["served"]) == ("shop.io/v1 Cat", "shop.io/v2")


async def test_namespaces_of_what_lives_in_none_are_an_error(bench: Bench) -> None:
    """Shown; the others work."""
    bench.serve_cats("v1", namespaced=False)
    bad = "{name: bad, kind: Cat, apiVersion: shop.io/v1, namespaces: [a]}"

    async with bench.reading(PODS, bad):
        assert bench.reads == [("pods",)]
        state = bench.states["bad",]

    assert state == (
        "failed",
        "expected no namespaces, for cats.shop.io live in none",
    )


@pytest.mark.parametrize(
    ("refusal", "namespaces"),
    [(None, ["*"]), (ForbiddenError("no", status=403), ["a", "b"])],
)
async def test_permission_decides_how_several_namespaces_are_read(
    bench: Bench, refusal: Any, namespaces: list[str]
) -> None:
    """As a whole if it may be, else one by one."""
    if refusal is not None:
        bench.api.refusals["pods"] = refusal

    async with bench.reading("{name: pods, kind: Pod, namespaces: [a, b]}"):
        assert [where for where, _ in bench.readers.running] == namespaces


async def test_permission_is_asked_for_until_there_is_an_answer(bench: Bench) -> None:
    """Meanwhile it is said why nothing is read."""
    bench.api.refusals["pods"] = REFUSED

    async with bench.reading("{name: pods, kind: Pod, namespaces: [a, b]}"):
        state, reads = bench.states["pods",], bench.reads
        del bench.api.refusals["pods"]
        await asyncio.sleep(10)
        after = bench.reads

    assert (state, reads) == (("waiting", "refused"), [])
    assert after == [("pods",)]


async def test_namespaces_are_known_before_they_are_chosen(bench: Bench) -> None:
    """Nothing is read before that; it is said why."""
    informer = bench.readers.informer
    source = '{name: team, kind: Pod, namespaceSelector: "team=shop"}'

    async with bench.reading(source):
        listing = bench.states["team",]
        informer._report(REFUSED)
        await asyncio.sleep(0.1)
        refused = bench.states["team",]
        informer.synced.set()
        label(informer, "a", team="shop")
        await asyncio.sleep(0.1)
        assert bench.readers.running == [("*", ("team",))]

    assert listing == ("waiting", "namespaces are being listed")
    assert refused == ("waiting", "refused")


async def test_every_source_has_a_status_before_anything_is_known(
    bench: Bench,
) -> None:
    """Not ready, and named as in the configuration."""
    ReaderSupervisor(
        settings_of(PODS, BY_RESOURCE),
        queue=bench.queue,  # type: ignore[arg-type]
        health=bench.health,
        metrics=Metrics(version="0"),
    )

    statuses = bench.health.readers
    assert [(one.sources, one.resource, one.state) for one in statuses] == [
        (("pods",), "v1 Pod", "starting"),
        (("plural",), "deployments.apps", "starting"),
    ]


def excused(health: Health) -> dict[tuple[str, ...], bool]:
    """Return which readers hold readiness not, although they do not read."""
    return {one.sources: one.is_excused for one in health.readers}


async def test_optional_kind_that_is_not_served_holds_nothing(bench: Bench) -> None:
    """And is read once it is (issue 10, item 12)."""
    optional = "{name: cats, kind: Cat, apiVersion: shop.io/v1, optional: true}"
    async with bench.reading(optional, "{name: d, kind: Dog, apiVersion: shop.io/v1}"):
        before = excused(bench.health)
        bench.serve_cats("v1")
        await asyncio.sleep(10)
        reads = bench.reads

    assert before == {("cats",): True, ("d",): False}
    assert reads == [("cats",)]


async def test_kind_is_optional_only_if_all_its_sources_are(bench: Bench) -> None:
    """One that needs it is enough to wait for it (issue 10, item 12)."""
    optional = "{name: maybe, kind: Cat, apiVersion: shop.io/v1, optional: true}"
    async with bench.reading(CATS, optional):
        both = excused(bench.health)
        bench.serve_cats("v1")
        await asyncio.sleep(10)
        [status] = bench.health.readers

    assert both == {("cats", "maybe"): False}
    assert not status.is_optional


async def test_optional_source_with_a_wrong_configuration_holds(bench: Bench) -> None:
    """It is no matter of the cluster (issue 10, item 12)."""
    bench.serve_cats("v1", namespaced=False)
    wrong = CATS.replace("}", ", optional: true, namespaces: [shop]}")
    async with bench.reading(wrong):
        assert excused(bench.health) == {("cats",): False}
        assert bench.states["cats",][0] == "failed"


async def test_optional_source_may_not_be_permitted_namespaces(bench: Bench) -> None:
    """Choosing them by label needs a permission too (issue 10, item 12)."""
    informer = bench.readers.informer
    chosen = PODS.replace("}", ", optional: true, namespaceSelector: team=shop}")
    async with bench.reading(chosen):
        before = excused(bench.health)
        informer._report(ForbiddenError("no namespaces", status=403))
        await asyncio.sleep(0.1)
        refused = excused(bench.health)

    assert (before, refused) == ({("pods",): False}, {("pods",): True})


async def test_readers_whose_settings_stay_go_on(bench: Bench) -> None:
    """New settings start, replace and stop the others alone."""
    async with bench.reading("{}", BY_KIND, PODS):
        await bench.supervisor.stop_changed(settings_of("{}", BY_KIND, PODS))
        await bench.apply(PODS, BY_KIND.replace("}", ", initial: emit}"))
        made = [(one.names, one.is_running) for one in bench.readers.made]
        states = bench.states

    assert sorted(made) == [
        (("events",), False),
        (("kind",), False),
        (("kind",), True),
        (("pods",), True),
    ]
    assert sorted(states) == [("kind",), ("pods",)]


async def test_changed_readers_stop_before_others_start(bench: Bench) -> None:
    """Nothing is read by old settings, nor by new ones, before they are applied."""
    initial = BY_KIND.replace("}", ", initial: emit}")
    async with bench.reading("{}", BY_KIND, PODS):
        await bench.supervisor.stop_changed(settings_of(PODS, initial, CATS))
        stopped, states = bench.reads, bench.states
        bench.serve_cats("v1")
        await asyncio.sleep(20)
        held = bench.reads
        await bench.apply(PODS, initial, CATS)
        after = bench.reads

    assert (stopped, held) == ([("pods",)], [("pods",)])
    assert states["kind",][0] == "starting"
    assert sorted(after) == [("cats",), ("kind",), ("pods",)]


async def test_settings_that_are_taken_back_start_the_readers_again(
    bench: Bench,
) -> None:
    """As when a reload fails halfway."""
    async with bench.reading(BY_KIND, PODS):
        await bench.supervisor.stop_changed(settings_of(BY_KIND))
        await bench.supervisor.stop_changed(settings_of(BY_KIND, PODS))
        await bench.apply(BY_KIND, PODS)
        reads = bench.reads

    assert (sorted(reads), len(bench.readers.made)) == ([("kind",), ("pods",)], 3)


@pytest.mark.parametrize("state", ["failed", "waiting"])
async def test_reader_that_fails_is_tried_at_once(bench: Bench, state) -> None:
    """Whoever reloads may just have mended what was wrong."""
    async with bench.reading(PODS, BY_KIND):
        bench.readers.made[0].status.state = state
        await bench.supervisor.stop_changed(settings_of(PODS, BY_KIND))
        await bench.apply(PODS, BY_KIND)

    assert [one.names for one in bench.readers.made].count(("pods",)) == 2
    assert len(bench.readers.made) == 3


async def test_settings_may_change_before_the_cluster_is_reached(bench: Bench) -> None:
    """What is waited for is what was asked for last."""
    bench.api.uids.insert(0, REFUSED)
    async with bench.reading(PODS, CATS):
        await bench.supervisor.stop_changed(settings_of(BY_KIND))
        await bench.apply(BY_KIND)
        before = list(bench.states)
        await asyncio.sleep(10)
        reads = bench.reads

    assert (before, reads) == ([("kind",)], [("kind",)])


async def test_settings_may_change_during_a_search(bench: Bench) -> None:
    """What it finds is looked for again."""
    real, searching = bench.api.get, asyncio.Event()

    async def slow(path: str, params: Any = None) -> bytes:
        searching.set()
        await asyncio.sleep(1)
        return await real(path)

    bench.api.get = slow  # type: ignore[method-assign]
    async with bench.reading(BY_KIND):
        await searching.wait()
        bench.supervisor.apply(settings_of(BY_KIND.replace("kind,", "new,")))
        await asyncio.sleep(10)

    assert [one.names for one in bench.readers.made] == [("new",)]


async def test_source_that_is_added_is_looked_for(bench: Bench) -> None:
    """And one that is taken away is not any more, be it served or not."""
    async with bench.reading(PODS, CATS):
        await bench.apply(BY_KIND, CATS.replace("cats", "tom"))
        reads, states = bench.reads, bench.states
        await bench.apply(BY_KIND)
        left = bench.states

    assert (reads, states["tom",][0]) == ([("kind",)], "absent")
    assert list(left) == [("kind",)]


async def test_namespaces_that_come_to_an_unfit_kind_are_refused(bench: Bench) -> None:
    """Its reader stops; the status says what is wrong."""
    bench.serve_cats("v1", namespaced=False)
    async with bench.reading(CATS):
        before = bench.reads
        await bench.apply(CATS.replace("}", ", namespaces: [a]}"))
        after, states = bench.reads, bench.states

    assert (before, after) == ([("cats",)], [])
    assert states["cats",][0] == "failed"


async def test_settings_may_change_while_a_kind_is_lost(bench: Bench) -> None:
    """It is looked for by the new settings."""
    async with bench.reading(PODS):
        bench.readers.made[-1].error.set_exception(GONE)
        await bench.apply(PODS.replace("pods", "new"))
        await asyncio.sleep(10)
        reads = bench.reads

    assert reads == [("new",)]


async def test_reason_why_a_kind_is_not_read_is_logged_once(bench: Bench) -> None:
    """Each reason, for each kind, however often it is looked for."""
    with capture_logs() as logs:
        async with bench.reading(CATS):
            await asyncio.sleep(60)
            bench.api.answers["/apis/shop.io"] = REFUSED
            await asyncio.sleep(60)

    assert [one["error"][:8] for one in logs] == ["the API ", "refused"]


async def test_cluster_that_is_not_known_yet_is_waited_for(bench: Bench) -> None:
    """The statuses say why nothing is read."""
    bench.api.uids.insert(0, REFUSED)

    async with bench.reading(PODS):
        state = bench.states["pods",]
        await asyncio.sleep(10)
        reads = bench.reads

    assert (state, reads) == (("waiting", "refused"), [("pods",)])
