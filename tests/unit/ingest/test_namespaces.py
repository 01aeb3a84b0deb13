"""Which namespaces a selector means."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bridge.cluster import ObjectMeta
from bridge.cluster.builtin import NAMESPACES
from bridge.cluster.informer import Informer
from bridge.cluster.store import Store
from bridge.filters.labels import compile_labels
from bridge.ingest.scoping import UNKNOWN_SECONDS, Namespaces

SHOP = compile_labels("team=shop")


@dataclass
class Bench:
    """Namespaces that a test sets, and a clock."""

    informer: Informer = field(
        default_factory=lambda: Informer(
            cast("Any", None), NAMESPACES, store=Store(keeps_labels=True)
        )
    )
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        """Ask these."""
        self.namespaces = Namespaces(self.informer, clock=lambda: self.seconds)
        self.selects = self.namespaces.selects(SHOP)

    def label(self, name: str, **labels: str) -> None:
        """Let a namespace have labels."""
        known = ObjectMeta(key=f"/{name}", uid=name, version="1", labels=labels)
        self.informer.store.put(known)


@pytest.fixture
def bench() -> Bench:
    """Return one without namespaces."""
    return Bench()


def test_namespaces_are_matched_by_their_labels(bench: Bench) -> None:
    """By name, in order."""
    bench.label("b", team="shop")
    bench.label("a", team="shop")
    bench.label("c", team="bank")

    assert bench.namespaces.matching(SHOP) == ["a", "b"]
    assert (bench.selects("a"), bench.selects("c")) == (True, False)


def test_labels_may_change(bench: Bench) -> None:
    """What they are now is what counts."""
    bench.label("a", team="shop")
    before = bench.selects("a")

    bench.label("a", team="bank")

    assert (before, bench.selects("a")) == (True, False)


def test_namespace_may_be_seen_later_than_what_is_in_it(bench: Bench) -> None:
    """It is waited for."""
    before = bench.selects("a")
    bench.label("a", team="shop")

    assert (before, bench.selects("a")) == (None, True)


def test_namespace_that_never_comes_is_not_selected(bench: Bench) -> None:
    """It was deleted before it was ever seen."""
    bench.selects("a")

    bench.seconds += UNKNOWN_SECONDS - 0.1
    before = bench.selects("a")
    bench.seconds += 0.2

    assert (before, bench.selects("a")) == (None, False)


def test_nothing_is_given_up_while_namespaces_cannot_be_watched(bench: Bench) -> None:
    """The time counts from when they can again."""
    bench.informer.error = "refused"
    bench.selects("a")

    bench.seconds += 600
    meanwhile = bench.selects("a")
    bench.informer.error = ""
    bench.seconds += UNKNOWN_SECONDS - 0.1
    waiting = bench.selects("a")
    bench.seconds += 0.2

    assert (meanwhile, waiting, bench.selects("a")) == (None, None, False)


def test_namespace_that_is_gone_keeps_its_labels(bench: Bench) -> None:
    """What was deleted with it may come later."""
    bench.label("a", team="shop")
    bench.selects("a")

    bench.informer.store.drop("/a")

    assert bench.selects("a") is True
    assert bench.namespaces.matching(SHOP) == []


async def test_word_of_the_informer_is_passed_on(bench: Bench) -> None:
    """Whether all is read, why it is not, and when something changed."""
    told = [bench.namespaces.is_synced, bench.namespaces.error]
    bench.informer.synced.set()
    bench.informer.error = "refused"
    bench.informer._changed.set()
    await bench.namespaces.wait_for_change()

    assert told == [False, ""]
    assert (bench.namespaces.is_synced, bench.namespaces.error) == (True, "refused")


def test_only_so_many_that_are_gone_are_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is forgotten first."""
    monkeypatch.setattr("bridge.ingest.scoping.GONE_LIMIT", 2)
    for name in ("a", "b", "c"):
        bench.label(name, team="shop")
        bench.selects(name)
        bench.informer.store.drop(f"/{name}")

    assert [bench.selects(name) for name in ("a", "b", "c")] == [None, True, True]
