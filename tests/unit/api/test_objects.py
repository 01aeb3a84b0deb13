"""Objects that a source knows, over the API."""

import pytest

from bridge.cluster import ObjectMeta, Owner
from bridge.cluster.store import Store
from bridge.health import ReaderStatus

RS = Owner(api_version="apps/v1", kind="ReplicaSet", name="web", uid="rs")
PATH = "/api/v1/sources/{}/objects"


def known(key: str, **more) -> ObjectMeta:
    """What is known of one object."""
    return ObjectMeta(key=key, uid=f"u-{key}", version="7", **more)


@pytest.fixture
def source(world):
    """A source `pods` with three Pods and a ConfigMap, labels and owners kept."""
    pods = Store(
        [
            known("shop/b", labels={"app": "web"}, owner=RS),
            known("shop/a", labels={"app": "web", "tier": "1"}),
            known("test/c"),
        ],
        keeps_labels=True,
        keeps_owner=True,
    )
    maps = Store([known("shop/map")])
    add(world, "pods", pods=pods, configmaps=maps)


def add(world, name: str, **stores: Store) -> None:
    """Let a source be read."""
    status = ReaderStatus(sources=(name,), resource=name, namespace="*")
    status.stores.update(stores)
    world.health.readers.append(status)


async def names(client, name="pods", **asked):
    """Return the objects on a page, and the place to go on from."""
    answer = await client.get(PATH.format(name), params=asked)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [one["name"] for one in page["items"]], page["next"]


@pytest.mark.usefixtures("source")
async def test_objects_are_shown_with_what_is_known_of_them(client):
    """Metadata only: no data, no annotations."""
    answer = await client.get(PATH.format("pods"), params={"owner": "rs"})

    assert answer.json()["items"] == [
        {
            "resource": "pods",
            "namespace": "shop",
            "name": "b",
            "uid": "u-shop/b",
            "resourceVersion": "7",
            "labels": {"app": "web"},
            "owner": {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": "rs",
            },
        }
    ]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["map", "a", "b", "c"]),
        ({"namespace": "test"}, ["c"]),
        ({"label": "app=web"}, ["a", "b"]),
        ({"label": ["app=web", "tier=1"]}, ["a"]),
        ({"label": "app=web", "owner": "rs"}, ["b"]),
        ({"owner": "nobody"}, []),
    ],
)
async def test_objects_are_found_by_namespace_owner_and_label(client, asked, found):
    """By all that is asked for."""
    assert await names(client, **asked) == (found, None)


@pytest.mark.usefixtures("source")
async def test_objects_come_page_by_page(client):
    """Over all resources, each object once."""
    first, place = await names(client, limit=2)
    second, end = await names(client, limit=2, after=place)

    assert (first, second) == (["map", "a"], ["b", "c"])
    assert (place, end) == ("pods/shop/a", None)


async def test_a_store_that_readers_share_is_shown_once(client, world):
    """And stores of several namespaces together."""
    shared = Store([known("shop/a")])
    add(world, "both", pods=shared)
    add(world, "both", pods=shared)
    add(world, "both", pods=Store([known("test/b")]))

    assert await names(client, "both") == (["a", "b"], None)


@pytest.mark.parametrize(
    ("name", "asked", "status", "text"),
    [
        ("nobody", {}, 404, "no such source: nobody"),
        ("events", {}, 409, "source events: expected one that keeps"),
        ("maps", {"label": "a=b"}, 409, "keeps the label of objects"),
        ("maps", {"owner": "u"}, 409, "keeps the owner of objects"),
        ("maps", {"label": "a"}, 422, "label: expected key=value, got 'a'"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    client, world, name, asked, status, text
):
    """With what is expected instead."""
    add(world, "maps", configmaps=Store([known("shop/map")]))

    answer = await client.get(PATH.format(name), params=asked)

    assert answer.status_code == status
    assert text in answer.json()["error"]
