"""Whatever happens, in whatever order: what is known and told stays true."""

import random
from collections import defaultdict

import pytest

from bridge.cluster import Change, Gap, ObjectMeta, Observed, Resource, Synced
from bridge.cluster.store import Store
from bridge.errors import ApiStatusError, ExpiredError, UnreachableError
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import Recorder, later

pytestmark = pytest.mark.looptime

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
CUT = UnreachableError("the connection was cut", phase="stream")
BUSY = ApiStatusError("busy", status=503)
TOO_OLD = ExpiredError("too old", status=410)
RUNS = 6
SECONDS = 400


def misfortunes(cluster, dice):
    """Everything that may happen to a cluster or to a watch of it."""

    def restart():
        cluster.restart()
        cluster.end_all(CUT)

    return [
        restart,
        cluster.end,
        lambda: cluster.end(CUT),
        lambda: cluster.age(dice.randint(1, 50)),
        lambda: cluster.compact(str(dice.randint(cluster.oldest, cluster.version))),
        lambda: cluster.fail("watch", CUT, BUSY),
        lambda: cluster.fail("watch", b"", b""),
        lambda: cluster.fail("list 1", BUSY, CUT),
        lambda: cluster.cuts.append((dice.randrange(3), CUT)),
        lambda: setattr(cluster, "watch_list", dice.choice(["streams", "refuses"])),
    ]


def write_something(cluster, dice):
    """Create, modify or delete one of a few objects."""
    name = f"n{dice.randrange(6)}"
    if name in cluster.objects and dice.random() < 0.3:
        cluster.delete(name)
    else:
        cluster.write(name)


class Queue:
    """What is durable: each batch with what it remembers, and the cursor."""

    def __init__(self):
        self.cursor = None
        self.known: dict[str, ObjectMeta] = {}
        self.is_complete = False
        self.recorder = Recorder()

    async def run(self, cluster, *, seconds):
        """Read for some seconds, as a process that is killed at their end."""
        store = Store(self.known.values(), is_complete=self.is_complete)
        begun = len(self.recorder.items)
        await self.recorder.run(
            cluster, seconds=seconds, resource=PODS, cursor=self.cursor, store=store
        )
        for item in self.recorder.items[begun:]:
            self._commit(item)

    def _commit(self, item):
        if isinstance(item, Observed):
            self.known[item.known.key] = item.known
        elif isinstance(item, Change):
            self._remember(item)
        elif isinstance(item, Synced):
            self.is_complete = True
        listed = isinstance(item, Change) and item.listed
        if not (listed or isinstance(item, Gap | Observed)):
            self.cursor = item.resource_version

    def _remember(self, change):
        if change.change == "deleted":
            self.known.pop(change.known.key, None)
        else:
            self.known[change.known.key] = change.known


@pytest.mark.parametrize("seed", range(25))
async def test_what_is_known_is_what_is_there(seed):
    """After any number of kills, restarts, cuts and compactions."""
    dice, cluster, queue = random.Random(seed), FakeCluster(), Queue()
    cluster.page_size = 2
    happenings = misfortunes(cluster, dice)
    for _ in range(RUNS):
        for _ in range(15):
            later(dice.uniform(1, SECONDS), write_something, cluster, dice)
        for _ in range(dice.randrange(10)):
            later(dice.uniform(1, SECONDS), dice.choice(happenings))
        await queue.run(cluster, seconds=dice.uniform(1, SECONDS))
    await queue.run(cluster, seconds=5_000)

    there = {name: one["metadata"] for name, one in cluster.objects.items()}
    known = {one.name: one for one in queue.known.values()}
    assert {n: (k.uid, k.version) for n, k in known.items()} == {
        n: (m["uid"], m["resourceVersion"]) for n, m in there.items()
    }


def lives(cluster):
    """The versions of each object, from its creation to its deletion."""
    found = defaultdict(set)
    for version, _, value in cluster.history:
        found[value["metadata"]["uid"]].add(version)
    return found.values()


@pytest.mark.parametrize("seed", range(25))
async def test_no_revision_is_missing_without_a_gap(seed):
    """Whatever came and went: something else always happens too."""
    dice, cluster, queue = random.Random(seed), FakeCluster(), Queue()
    happenings = misfortunes(cluster, dice)
    cluster.write("n0")
    await queue.run(cluster, seconds=1)
    since = cluster.version
    for _ in range(RUNS):
        for _ in range(15):
            moment = dice.uniform(1, SECONDS)
            later(moment, write_something, cluster, dice)
            later(moment, cluster.write, "busy")
        for _ in range(dice.randrange(10)):
            later(dice.uniform(1, SECONDS), dice.choice(happenings))
        await queue.run(cluster, seconds=dice.uniform(1, SECONDS))
    await queue.run(cluster, seconds=5_000)

    written = {version for version, *_ in cluster.history if version > since}
    missing = written - queue.recorder.numbers
    gaps = [one for one in queue.recorder.items if isinstance(one, Gap)]
    unseen = {one for life in lives(cluster) if life <= missing for one in life}
    assert not missing or gaps
    assert all(version < cluster.oldest for version in missing - unseen)
