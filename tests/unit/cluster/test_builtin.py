"""Kinds that are known without a cluster."""

import pytest

from bridge.cluster import CORE_EVENTS, Resource
from bridge.cluster.builtin import BUILTIN, NAMESPACES, find_kind


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (("", "Endpoints"), "endpoints"),
        (("networking.k8s.io", "NetworkPolicy"), "networkpolicies.networking.k8s.io"),
        (("networking.k8s.io", "Ingress"), "ingresses.networking.k8s.io"),
        (("batch", "CronJob"), "cronjobs.batch"),
    ],
)
def test_builtin_kinds_have_their_plurals(key, name):
    """By Kubernetes' own rule, and its one exception."""
    assert BUILTIN[key].name == name


def test_events_have_no_bookmarks():
    """In neither group; all else has."""
    without = {one.name for one in BUILTIN.values() if not one.has_bookmarks}

    assert without == {"events", "events.events.k8s.io"}


def test_namespaces_live_in_no_namespace():
    """Their path has none, whatever is asked for."""
    expected = Resource(
        group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False
    )

    assert expected == NAMESPACES


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("Event", CORE_EVENTS), ("Job", BUILTIN["batch", "Job"]), ("Widget", None)],
)
def test_a_kind_without_a_group_is_found(kind, resource):
    """Events are those of core; what is not Kubernetes' own is not known."""
    assert find_kind(kind) == resource
