"""What is known becomes an event again, for the source that asks for it."""

from typing import Any

import pytest

from bridge.ingest.buffer import ResyncItem
from bridge.ingest.object_cache import ObjectCache
from tests.unit.ingest.objects import (
    RECORDED,
    data,
    ids,
    of_pods,
    pod,
    recall,
    source_of,
    turned,
)


@pytest.fixture
def object_cache() -> ObjectCache:
    """Return an empty one."""
    return ObjectCache(recall)


def test_object_becomes_an_event_again(object_cache: ObjectCache) -> None:
    """As it is known, with an id of its own for each resync."""
    turning = of_pods(object_cache, source_of("events", resync="60s"))
    turned(turning, pod(101, spec={"a": 1}))

    entries = [
        entry
        for number in (1, 2)
        for entry in turning.repeated(
            ResyncItem(source="events", number=number, key="shop/web"),
            recorded=RECORDED,
        )
    ]

    assert ids(entries) == ["web-101-r1", "web-101-r2"]
    assert data(entries[0])["spec"] == {"a": 1}
    assert entries[0].event is not None
    assert entries[0].event.extensions["resync"] == 1


@pytest.mark.parametrize("selected", [False, None, True])
def test_resync_is_of_namespaces_that_are_selected(
    object_cache: ObjectCache, selected: Any
) -> None:
    """Or may be."""
    answers = {"shop": selected}
    source = source_of("events", selects=answers.get, resync="60s")
    turning = of_pods(object_cache, source)
    turned(turning, pod(101), wait_for="none")

    again = ResyncItem(source="events", number=1, key="shop/web")
    entries = turning.repeated(again, recorded=RECORDED)

    assert ids(entries) == ([] if selected is False else ["web-101-r1"])


def test_object_that_is_gone_does_not_come_again(object_cache: ObjectCache) -> None:
    """It may go while a resync waits for its turn."""
    again = ResyncItem(source="events", number=1, key="shop/web")

    assert of_pods(object_cache).repeated(again, recorded=RECORDED) == ()


def test_odd_object_does_not_stop_a_resync(object_cache: ObjectCache) -> None:
    """What was never an event may be found not to make one."""
    object_cache.put("shop/web", b'{"metadata":{"resourceVersion":"5","name":7}}')
    again = ResyncItem(source="events", number=1, key="shop/web")

    [rejected] = of_pods(object_cache).repeated(again, recorded=RECORDED)

    assert rejected.error
