"""Whatever waits, and however long: the cursor passes nothing that is not stored."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.cluster import Bookmark, Change, Gap, Item, ObjectMeta, ProgressMark, Synced
from bridge.ingest.checkpoint import EPOCH, KNOWN, STORE, read_epoch
from bridge.ingest.plan import Plan, Planner
from tests.unit.ingest.objects import NOW, PODS, conversion, pod, source_of

NAMESPACES = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["x", "y"])
ANSWERS = st.sampled_from([None, True, True, False])


class Holding(RuleBasedStateMachine):
    """A planner, fed with anything, and what a queue has of its puts."""

    def __init__(self) -> None:
        """Start at a cursor, knowing nothing of any namespace."""
        super().__init__()
        self.selected: dict[str, bool | None] = {}
        sources = [source_of("events", selects=self.selected.get)]
        self.planner = Planner(
            conversion(resource=PODS, sources=sources),
            cursor="100",
            has_store=True,
            now=lambda: NOW,
            clock=lambda: 0.0,
        )
        self.version = 100
        self.batch: list[Item] = []
        self.unplanned: list[Change] = []
        self.open_jumps = 0
        self.cursor: str | None = "100"
        self.known: dict[str, str] = {}
        self.truth: dict[str, str] = {}
        self.epochs = 1
        self.stored_epoch = 1

    @rule(namespace=NAMESPACES, name=NAMES, gone=st.booleans(), listed=st.booleans())
    def change(self, namespace: str, name: str, gone: bool, listed: bool) -> None:
        """Something happens to an object."""
        self.version += 1
        change = pod(
            self.version,
            name=name,
            namespace=namespace,
            kind="deleted" if gone else "modified",
            listed=listed,
        )
        self.batch.append(change)
        self.unplanned.append(change)
        key = f"{namespace}/{name}"
        if gone:
            self.truth.pop(key, None)
        else:
            self.truth[key] = str(self.version)

    @rule()
    def bookmark(self) -> None:
        """Everything so far was read."""
        self.version += 1
        self.batch.append(Bookmark(resource_version=str(self.version)))

    @rule()
    def note(self) -> None:
        """The stream is alive."""
        self.batch.append(ProgressMark(resource_version=str(self.version), time=NOW))

    @rule(rolls_back=st.booleans())
    def snapshot(self, rolls_back: bool) -> None:
        """A list was read to its end."""
        version = str(self.version)
        if rolls_back:
            gap = Gap(
                cause="rolled-back",
                cursor=version,
                snapshot=version,
                since=None,
                until=NOW,
            )
            self.batch.append(gap)
            self.epochs += 1
        self.version += 1
        self.batch.append(Synced(resource_version=str(self.version)))
        self.open_jumps += 1

    @rule(namespace=NAMESPACES, answer=ANSWERS)
    def answer(self, namespace: str, answer: bool | None) -> None:
        """It becomes known what a namespace is."""
        self.selected[namespace] = answer

    @rule()
    def store(self) -> None:
        """All that was read is planned, and put."""
        plan = self.planner.plan(self.batch)
        self.batch = []
        assert plan.since == self.cursor
        self.cursor = plan.to
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        for entry in plan.entries:
            if entry.remember is None:
                continue
            key, value = entry.remember
            if key.startswith(KNOWN):
                self._settle(key.removeprefix(KNOWN), value)
            elif key == EPOCH:
                self.stored_epoch = read_epoch(value)
                assert plan.synced
            elif key == STORE:
                self.open_jumps -= 1
                assert plan.synced

    def _settle(self, key: str, value: bytes | None) -> None:
        """Each change is planned once, those of one object in their order."""
        mine = [one for one in self.unplanned if one.known and one.known.key == key]
        first = mine[0]
        assert (value is None) == (first.change == "deleted")
        if value is None:
            self.known.pop(key, None)
        else:
            known = msgspec.json.decode(value, type=ObjectMeta)
            assert known.version == first.resource_version
            self.known[key] = known.version
        self.unplanned.remove(first)

    @invariant()
    def cursor_passes_nothing(self) -> None:
        """What is not stored comes after the cursor: a crash reads it again."""
        read = {id(one) for one in self.batch}
        for change in self.unplanned:
            if id(change) not in read:
                assert int(self.cursor or 0) < int(change.resource_version)

    def teardown(self) -> None:
        """Once everything is answered everything is stored."""
        self.selected |= dict.fromkeys("abc", True)
        self.batch.append(Bookmark(resource_version=str(self.version + 1)))
        self.store()
        assert (self.unplanned, self.planner.held) == ([], 0)
        assert self.known == self.truth
        assert self.cursor == str(self.version + 1)
        assert (self.open_jumps, self.stored_epoch) == (0, self.epochs)


Holding.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestHolding = Holding.TestCase
