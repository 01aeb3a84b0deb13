"""What one change becomes, for whom, and what is remembered with it."""

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from bridge.cluster import Change, ObjectMeta, Observed
from bridge.cluster.kubernetes_event import decode_event
from bridge.events.context import InvolvedObject
from bridge.events.secrets import REDACTED
from bridge.ingest import EventForm
from bridge.ingest.object_cache import ObjectCache
from bridge.queue import Entry
from tests.unit.ingest.objects import (
    PLAIN,
    SECRETS,
    change,
    conversion,
    data,
    ids,
    of_pods,
    pod,
    recall,
    remembers,
    source_of,
    turned,
)

DEEP = b'{"metadata":{"name":"web","uid":"web","resourceVersion":"5"},"spec":%b%b}' % (
    b"[" * 5_000,
    b"]" * 5_000,
)


@pytest.fixture
def object_cache() -> ObjectCache:
    """Return an empty one."""
    return ObjectCache(recall)


def stored(entries: Sequence[Entry], key: str) -> bytes | None:
    """Return the object that is remembered last."""
    found = [entry.remember[1] for entry in entries if entry.remember]
    named = [entry.remember[0] for entry in entries if entry.remember]
    value = dict(zip(named, found, strict=True))[key]
    return None if value is None else zlib.decompress(value)


def test_object_is_remembered_after_its_event(object_cache: ObjectCache) -> None:
    """Never before it: a put may be stored in parts."""
    entries = turned(of_pods(object_cache), pod(101, kind="added"))

    assert ids(entries[:1]) == ["web-101"]
    assert remembers(entries[1:]) == [("+shop/web", True), ("=shop/web", True)]


def test_object_that_nobody_wants_is_remembered_too(object_cache: ObjectCache) -> None:
    """The difference after a gap is found against everything that was read."""
    source = source_of("events", changes=["deleted"])

    entries = turned(of_pods(object_cache, source), pod(101))

    assert ids(entries) == []
    assert remembers(entries) == [("+shop/web", True), ("=shop/web", True)]


def test_deleted_object_is_forgotten(object_cache: ObjectCache) -> None:
    """With its last state."""
    turning = of_pods(object_cache)
    turned(turning, pod(101))

    entries = turned(turning, pod(102, kind="deleted"))

    assert remembers(entries) == [("+shop/web", False), ("=shop/web", False)]
    assert object_cache.get("shop/web") is None


def test_event_carries_the_object_as_it_was(object_cache: ObjectCache) -> None:
    """And says in what it differs."""
    turning = of_pods(object_cache)
    turned(turning, pod(101, spec={"a": 1}))

    event, *_ = turned(turning, pod(102, spec={"a": 2}))

    body = data(event)
    assert (body["object"]["spec"], body["previous"]["spec"]) == ({"a": 2}, {"a": 1})
    assert event.event is not None
    assert event.event.extensions["changedpaths"] == "spec.a"


def test_object_of_the_same_name_was_nothing_before(object_cache: ObjectCache) -> None:
    """What is added has no earlier state, whatever is remembered under its name."""
    turning = of_pods(object_cache)
    turned(turning, pod(101, spec={"a": 1}))

    event, *_ = turned(turning, pod(105, kind="added", spec={"a": 2}))

    assert data(event)["previous"] is None


def test_deletion_found_by_a_list_tells_the_last_state(
    object_cache: ObjectCache,
) -> None:
    """More than its name is known."""
    turning = of_pods(object_cache)
    turned(turning, pod(101, spec={"a": 1}))

    found, *_ = turned(turning, pod(101, kind="deleted", listed=True))

    assert data(found)["object"]["spec"] == {"a": 1}
    assert ids([found]) == ["web-101-deleted"]


def test_watched_deletion_tells_what_the_server_sent(object_cache: ObjectCache) -> None:
    """It may be newer than what is remembered."""
    turning = of_pods(object_cache)
    turned(turning, pod(101, spec={"a": 1}))

    seen, *_ = turned(turning, pod(102, kind="deleted", spec={"a": 2}))

    assert data(seen)["object"]["spec"] == {"a": 2}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"status": {"ready": True}}, []),
        ({}, []),
        ({"spec": {"a": 1}}, ["web-102"]),
        ({"spec": {"a": 1}, "status": {"ready": True}}, ["web-102"]),
    ],
)
def test_irrelevant_update_is_left_out(
    object_cache: ObjectCache, fields: Any, found: Any
) -> None:
    """One that changed nothing but what lies under the paths to ignore."""
    source = source_of(
        "events", updates="relevant", ignore=["status", "metadata.resourceVersion"]
    )
    turning = of_pods(object_cache, source)
    turned(turning, pod(101))

    assert ids(turned(turning, pod(102, **fields))) == found


def test_irrelevant_updates_are_compared_with(object_cache: ObjectCache) -> None:
    """What was left out is remembered all the same."""
    turning = of_pods(
        object_cache,
        source_of("events", updates="relevant", ignore=["status", "metadata"]),
    )
    turned(turning, pod(101))
    turned(turning, pod(102, status={"n": 1}))

    event, *_ = turned(turning, pod(103, status={"n": 1}, spec={"a": 1}))

    assert event.event is not None
    assert event.event.extensions["changedpaths"] == "spec.a"


def test_update_that_cannot_be_compared_is_relevant(object_cache: ObjectCache) -> None:
    """Better one too many."""
    turning = of_pods(
        object_cache,
        source_of("events", updates="relevant", ignore=["status", "metadata"]),
    )

    assert ids(turned(turning, pod(102))) == ["web-102"]


@pytest.mark.parametrize("kind", ["added", "modified", "deleted"])
def test_source_chooses_changes(kind: Any) -> None:
    """Those that it names."""
    turning = of_pods(None, source_of("events", changes=[kind]))

    kinds: tuple[Any, ...] = ("added", "modified", "deleted")
    found = [one for one in kinds if ids(turned(turning, pod(101, kind=one)))]

    assert found == [kind]


def test_source_that_takes_everything_needs_no_answer_of_its_own() -> None:
    """Beside one that chooses; what this one leaves out is the other's."""
    choosing = source_of("other", selects={"bank": False}.get)
    turning = of_pods(None, source_of("events"), choosing)

    entries = turned(turning, pod(101, namespace="bank"))

    assert ids(entries) == ["web-101"]


def test_namespace_of_an_object_without_a_store_is_read() -> None:
    """Kubernetes Events are chosen by the namespace that they are in."""
    source = source_of("events", selects={"shop": True, "bank": False}.get)
    turning = conversion(sources=[source])
    changes = [
        Change(
            change="added",
            resource=pod(1).resource,
            object=pod(101, namespace=namespace).object,
            resource_version="101",
        )
        for namespace in ("shop", "bank")
    ]

    assert [ids(turned(turning, one)) for one in changes] == [["web-101"], []]


def test_event_that_was_decoded_when_it_was_read_is_not_decoded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither for its namespace, nor for its object, nor for either form."""
    read = msgspec.structs.replace(change(101), event=decode_event(change(101).object))
    for module in ("ingest.entries", "events.convert"):
        monkeypatch.setattr(f"bridge.{module}.decode_event", lambda _: 1 // 0)
    source = source_of("events", selects={"shop": True}.get)
    forms = {**PLAIN, "broker": EventForm("knative", "object")}
    turning = conversion(sources=[source], forms=forms, enrichment=Knowing())

    assert ids(turned(turning, read)) == ["uid-101", "uid-101"]


class Knowing:
    """Knows every object; see `bridge.ingest.Enrichment`."""

    def find(self, about: Any) -> InvolvedObject:
        """See `Enrichment.find`."""
        return InvolvedObject(labels={"app": about.name})


def test_secret_is_redacted_before_it_is_remembered(object_cache: ObjectCache) -> None:
    """In the event, in what is remembered, and in what it is compared with."""
    turning = of_pods(object_cache, resource=SECRETS)
    secret = pod(101, resource=SECRETS, data={"key": "cGFzcw=="})

    entries = turned(turning, secret)

    assert data(entries[0])["object"]["data"] == {"key": REDACTED}
    kept = stored(entries, "=shop/web")
    assert kept is not None
    assert (b"cGFzcw" in kept, REDACTED.encode() in kept) == (False, True)


def test_secret_that_is_no_news_is_redacted_too(object_cache: ObjectCache) -> None:
    """Learning is remembering."""
    secret = pod(101, resource=SECRETS, data={"key": "cGFzcw=="})
    assert secret.known is not None
    learned = Observed(known=secret.known, object=secret.object)

    entries = of_pods(object_cache, resource=SECRETS).learned(learned)

    kept = stored(entries, "=shop/web")
    assert kept is not None
    assert b"cGFzcw" not in kept


def test_rejected_secret_keeps_no_bytes() -> None:
    """Not in the dead letter, nor in the error."""
    turning = of_pods(None, resource=SECRETS)
    broken = Change(
        change="added",
        resource=SECRETS,
        object=b'{"metadata":7,"data":{"key":"cGFzcw=="}}',
        resource_version="101",
    )

    [rejected] = turned(turning, broken)

    assert rejected.encoded is not None
    assert (rejected.encoded.body, rejected.encoded.id) == (b"", "unknown-101")
    assert "cGFzcw" not in (rejected.error or "")


@pytest.mark.parametrize("kind", ["modified", "deleted"])
def test_rejected_object_is_not_compared_with(
    object_cache: ObjectCache, kind: Any
) -> None:
    """It is known to be there, or not; what it is, is not known any more."""
    turning = of_pods(object_cache)
    turned(turning, pod(101))
    known = ObjectMeta(key="shop/web", uid="web", version="102")
    broken = Change(
        change=kind,
        resource=pod(1).resource,
        object=DEEP,
        resource_version="102",
        known=known,
    )

    rejected, *rest = turned(turning, broken)

    assert rejected.error
    assert remembers(rest) == [("+shop/web", kind != "deleted"), ("=shop/web", False)]
    assert object_cache.get("shop/web") is None


def test_odd_object_that_is_no_news_stops_nothing(object_cache: ObjectCache) -> None:
    """That it is there is known, not what it is."""
    known = ObjectMeta(key="shop/web", uid="web", version="5")

    entries = of_pods(object_cache).learned(Observed(known=known, object=DEEP))

    assert remembers(entries) == [("+shop/web", True), ("=shop/web", False)]
