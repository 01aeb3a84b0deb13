"""What an Event is about is known from informers, the very object, or not at all."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bridge.cluster import ObjectMeta, Owner, Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.informer import Informer, Tombstones
from bridge.cluster.kubernetes_event import Reference
from bridge.cluster.store import Store
from bridge.events.context import InvolvedObject
from bridge.ingest import enrichment
from bridge.ingest.enrichment import Enrichment, Missing

CHAIN = [("", "Pod"), ("apps", "ReplicaSet"), ("apps", "Deployment"), ("", "Node")]
LOADING, UNSEEN = Missing(is_loading=True), Missing(is_loading=False)

POD = Reference(
    kind="Pod", namespace="shop", name="web-1-a", uid="p1", api_version="v1"
)
REPLICA_SET = Owner(api_version="apps/v1", kind="ReplicaSet", name="web-1", uid="r1")
DEPLOYMENT = Owner(api_version="apps/v1", kind="Deployment", name="web", uid="d1")
ROLLOUT = Owner(api_version="argo/v1", kind="Rollout", name="web", uid="a1")


@dataclass
class Cluster:
    """Informers that run, and what they have seen."""

    informers: dict[str, Informer] = field(default_factory=dict)
    seconds: float = 1000.0

    def start(self, resource: Resource) -> Informer:
        """Return an informer that has read everything, of which there is nothing."""
        assert resource.kind not in self.informers
        client = cast("Any", None)
        informer = Informer(client, resource, store=Store())
        informer._tombstones = Tombstones(now=lambda: self.seconds)
        informer.synced.set()
        self.informers[resource.kind] = informer
        return informer

    def enrichment(self) -> Enrichment:
        """Return what looks up here."""
        return Enrichment(
            [BUILTIN[kind] for kind in CHAIN],
            start=self.start,
            clock=lambda: self.seconds,
        )

    def see(self, kind: str, name: str, uid: str, **more: Any) -> None:
        """Have an informer know an object."""
        known = ObjectMeta(key=name, uid=uid, version="1", **more)
        self.informers[kind].store.put(known)


@pytest.fixture
def cluster() -> Cluster:
    """Return one whose informers have not started."""
    return Cluster()


@pytest.fixture
def enriching(cluster: Cluster) -> Enrichment:
    """Return an enrichment whose informers run and know nothing yet."""
    enriching = cluster.enrichment()
    for group, kind in CHAIN:
        enriching.find(Reference(kind=kind, api_version=f"{group}/v1", name="x"))
    return enriching


def test_informers_start_when_they_are_asked(cluster: Cluster):
    """Each once; none for a kind that is not looked up."""
    enriching = cluster.enrichment()

    found = [enriching.find(POD), enriching.find(POD), enriching.find(Reference())]

    assert found == [UNSEEN, UNSEEN, None]
    assert list(cluster.informers) == ["Pod"]


def test_known_object_is_found(cluster: Cluster, enriching: Enrichment):
    """With its labels and the annotations that are kept; nothing controls it."""
    labels, annotations = {"app": "web"}, {"team": "shop"}
    cluster.see("Pod", "shop/web-1-a", "p1", labels=labels, annotations=annotations)

    found = enriching.find(POD)

    assert found == InvolvedObject(labels=labels, annotations=annotations, owner=None)


def test_owner_is_the_top_of_the_chain(cluster: Cluster, enriching: Enrichment):
    """From the Pod over its ReplicaSet to the Deployment."""
    cluster.see("Pod", "shop/web-1-a", "p1", owner=REPLICA_SET)
    cluster.see("ReplicaSet", "shop/web-1", "r1", owner=DEPLOYMENT)
    cluster.see("Deployment", "shop/web", "d1", labels={"not": "these"})

    assert enriching.find(POD) == InvolvedObject(owner=DEPLOYMENT)


def test_chain_ends_where_it_cannot_be_followed(
    cluster: Cluster, enriching: Enrichment
):
    """A controller of a kind that is not looked up is the top as far as is known."""
    cluster.see("Pod", "shop/web-1-a", "p1", owner=REPLICA_SET)
    cluster.see("ReplicaSet", "shop/web-1", "r1", owner=ROLLOUT)

    assert enriching.find(POD) == InvolvedObject(owner=ROLLOUT)


def test_controllers_without_a_namespace_are_found(
    cluster: Cluster, enriching: Enrichment
):
    """A Node controls the mirrors of its static Pods."""
    node = Owner(api_version="v1", kind="Node", name="n1", uid="u1")
    cluster.see("Pod", "shop/web-1-a", "p1", owner=node)
    assert enriching.find(POD) == UNSEEN

    cluster.see("Node", "/n1", "u1")

    assert enriching.find(POD) == InvolvedObject(owner=node)


@pytest.mark.parametrize(
    ("pod", "replica_set"), [("other", "r1"), ("p1", "other")], ids=["object", "owner"]
)
def test_another_object_of_the_same_name_is_not_meant(
    cluster: Cluster, enriching: Enrichment, pod, replica_set
):
    """At each step the uid is compared."""
    cluster.see("Pod", "shop/web-1-a", pod, owner=REPLICA_SET)
    cluster.see("ReplicaSet", "shop/web-1", replica_set, owner=ROLLOUT)

    assert enriching.find(POD) == UNSEEN


@pytest.mark.parametrize(
    ("kind", "uid", "version"),
    [("Pod", "", "v1"), ("Node", "n", ""), ("Deployment", "", "")],
)
def test_object_is_found_by_name_if_no_uid_is_said(
    cluster: Cluster, enriching: Enrichment, kind, uid, version
):
    """Or the name again, as kubelet does, who names no apiVersion either."""
    namespace = "" if kind == "Node" else "shop"
    cluster.see(kind, f"{namespace}/n", "u1", labels={"a": "b"})
    about = Reference(
        kind=kind, namespace=namespace, name="n", uid=uid, api_version=version
    )

    assert enriching.find(about) == InvolvedObject(labels={"a": "b"})


def test_a_kind_of_another_group_is_not_meant(enriching: Enrichment):
    """Any version of the right group is."""
    other = {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": "d1"}

    assert enriching.find(Reference(**other, api_version="example.com/v1")) is None
    assert enriching.find(Reference(**other, api_version="apps/v1beta2")) == UNSEEN


def test_missing_says_whether_everything_was_read(
    cluster: Cluster, enriching: Enrichment
):
    """What is still loading is worth more patience than what is not there."""
    cluster.see("Pod", "shop/web-1-a", "p1", owner=REPLICA_SET)
    cluster.informers["ReplicaSet"].synced.clear()

    assert enriching.find(POD) == LOADING


def test_what_may_never_be_watched_is_not_waited_for(
    cluster: Cluster, enriching: Enrichment
):
    """An informer that failed before it read everything may not be permitted."""
    informer = cluster.informers["Pod"]
    informer.error = "403 forbidden"
    assert enriching.find(POD) == UNSEEN

    informer.synced.clear()

    assert enriching.find(POD) is None


def test_what_was_given_up_is_not_waited_for(cluster: Cluster, enriching: Enrichment):
    """For a minute; another object of that name is."""
    assert enriching.give_up(POD) is None
    recreated = Reference(
        kind="Pod", namespace="shop", name="web-1-a", uid="p2", api_version="v1"
    )

    assert (enriching.find(POD), enriching.find(recreated)) == (None, UNSEEN)
    cluster.seconds += enrichment.GIVEN_UP_SECONDS
    assert enriching.find(POD) == UNSEEN


def test_what_was_given_up_is_found_once_it_is_known(
    cluster: Cluster, enriching: Enrichment
):
    """Nobody waits for it, but nobody overlooks it."""
    enriching.give_up(POD)

    cluster.see("Pod", "shop/web-1-a", "p1")

    assert enriching.find(POD) == InvolvedObject()
    assert enriching.give_up(POD) == InvolvedObject()


def test_who_gives_up_gets_what_is_known(cluster: Cluster, enriching: Enrichment):
    """Labels need not wait for the owner of an owner."""
    cluster.see("Pod", "shop/web-1-a", "p1", labels={"a": "b"}, owner=REPLICA_SET)
    assert enriching.find(POD) == UNSEEN

    found = enriching.give_up(POD)

    assert found == InvolvedObject(labels={"a": "b"}, owner=REPLICA_SET)
    assert enriching.find(POD) == found


def test_few_are_remembered_as_given_up(
    cluster: Cluster, enriching: Enrichment, monkeypatch: pytest.MonkeyPatch
):
    """The oldest are forgotten when there are too many, or when they are too old."""
    monkeypatch.setattr(enrichment, "GIVEN_UP_LIMIT", 2)
    pods = [Reference(kind="Pod", name=str(n), uid=f"u{n}") for n in range(4)]

    for place in (0, 1, 0, 2):
        enriching.give_up(pods[place])
    assert [enriching.find(pod) for pod in pods[:3]] == [None, UNSEEN, None]
    cluster.seconds += enrichment.GIVEN_UP_SECONDS
    enriching.give_up(pods[3])

    assert len(enriching._given_up._until) == 1


def test_controllers_in_a_circle_end_somewhere(cluster: Cluster, enriching: Enrichment):
    """Nothing forbids them."""
    cluster.see("Pod", "shop/web-1-a", "p1", owner=REPLICA_SET)
    cluster.see("ReplicaSet", "shop/web-1", "r1", owner=DEPLOYMENT)
    cluster.see("Deployment", "shop/web", "d1", owner=REPLICA_SET)

    found = enriching.find(POD)

    assert isinstance(found, InvolvedObject)
    assert found.owner in {REPLICA_SET, DEPLOYMENT}
