"""How much of an object's metadata is remembered."""

import json

import msgspec
import pytest

from bridge.cluster import ObjectMeta, Owner
from bridge.cluster.store import MetadataFilter

OWNERS = [
    {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"},
    {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web-1",
        "uid": "2",
        "controller": True,
    },
]
METADATA = {
    "name": "web",
    "namespace": "shop",
    "uid": "u",
    "resourceVersion": "7",
    "labels": {"app": "web"},
    "annotations": {"team": "a", "long": "x" * 1000},
}


def known(keeps, **metadata):
    """What is remembered of an object with this metadata."""
    found, _ = keeps.read_head(json.dumps({"metadata": METADATA | metadata}).encode())
    return found


def test_identity_and_version_are_all_that_is_kept_unasked():
    """So that a hundred thousand objects need little room."""
    assert known(MetadataFilter()) == ObjectMeta(key="shop/web", uid="u", version="7")


def test_labels_annotations_and_owner_are_kept_when_asked():
    """Of the annotations those that were named, of the owners the controller."""
    keeps = MetadataFilter(
        labels=True, annotations=frozenset({"team", "none"}), owner=True
    )

    found = known(keeps, ownerReferences=OWNERS)

    assert found.labels == {"app": "web"}
    assert found.annotations == {"team": "a"}
    assert found.owner == Owner(
        api_version="apps/v1", kind="ReplicaSet", name="web-1", uid="2"
    )


def test_an_object_may_have_nothing_of_it():
    """No labels, no annotations, no controller."""
    keeps = MetadataFilter(labels=True, annotations=frozenset({"team"}), owner=True)

    found = known(keeps, labels=None, annotations=None, ownerReferences=OWNERS[:1])

    assert found == ObjectMeta(key="shop/web", uid="u", version="7")


def test_only_what_was_asked_for_is_kept():
    """Annotations without labels, for one."""
    found = known(
        MetadataFilter(annotations=frozenset({"team"})), ownerReferences=OWNERS
    )

    assert (found.labels, found.owner) == ({}, None)


@pytest.mark.parametrize("value", [b"7", b"{}", b"{"])
def test_what_is_no_object_is_refused(value):
    """It has no version."""
    with pytest.raises(msgspec.DecodeError):
        MetadataFilter().read_head(value)
