"""Which scopes are read for the sources of one resource, as namespaces come and go."""

import pytest

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.ingest.scoping import Namespaces, Scopes
from bridge.queue import Scope
from tests.unit.ingest.fakes import label, namespace_informer, sources_of

PODS = BUILTIN["", "Pod"]
NODES = BUILTIN["", "Node"]
BY_TEAM = '{name: team, kind: Pod, namespaceSelector: "team=shop"}'
TWO = "{name: two, kind: Pod, namespaces: [b, a]}"


def scopes(
    *sources: str, everywhere: bool, resource: Resource = PODS, **labels: str
) -> Scopes:
    """Return the scopes of sources, in a cluster of some namespaces with a team."""
    informer = namespace_informer()
    for name, team in labels.items():
        label(informer, name, team=team)
    return Scopes(
        cluster="uid",
        resource=resource,
        sources=sources_of(*sources),
        is_everywhere=everywhere,
        namespaces=Namespaces(informer),
    )


def shown(found: Scopes) -> dict[str, list[str]]:
    """Return the names of the sources by namespace."""
    return {s.namespace: [one.name for one in n] for s, n in found.now().items()}


@pytest.mark.parametrize(
    ("source", "everywhere", "namespaces"),
    [
        ("{name: all, kind: Pod}", False, ["*"]),
        ("{name: one, kind: Pod, namespaces: [a]}", True, ["a"]),
        ("{name: one, kind: Pod, namespaces: [a]}", False, ["a"]),
        (TWO, True, ["*"]),
        (TWO, False, ["a", "b"]),
        (BY_TEAM, True, ["*"]),
        (BY_TEAM, False, ["x", "y"]),
    ],
)
def test_one_watch_of_everything_where_that_is_permitted(
    source: str, everywhere: bool, namespaces: list[str]
) -> None:
    """But one namespace is a watch of its own."""
    found = scopes(source, everywhere=everywhere, y="shop", x="shop", z="bank")

    assert list(shown(found)) == namespaces


def test_what_lives_in_no_namespace_is_read_as_a_whole() -> None:
    """There is nothing to choose."""
    found = scopes("{name: nodes, kind: Node}", everywhere=False, resource=NODES)

    assert shown(found) == {"*": ["nodes"]}


def test_scope_names_the_cluster_the_resource_and_the_selectors() -> None:
    """Nothing of the configuration's names."""
    source = '{kind: Pod, fieldSelector: "a=b", labelSelector: "c=d"}'

    [scope] = scopes(source, everywhere=False).now()

    assert scope == Scope(
        cluster="uid",
        resource="pods",
        namespace="*",
        field_selector="a=b",
        label_selector="c=d",
    )


def test_sources_share_scopes() -> None:
    """One watch for all that can be chosen from it; other selectors are other ones."""
    found = scopes(
        "{name: all, kind: Pod}",
        TWO,
        BY_TEAM,
        "{name: a, kind: Pod, namespaces: [a]}",
        '{name: web, kind: Pod, labelSelector: "app=web"}',
        everywhere=True,
    )

    shared = [[one.name for one in sources] for sources in found.now().values()]
    assert shared == [["all", "two", "team"], ["a"], ["web"]]


def test_source_chooses_from_a_watch_of_everything() -> None:
    """By name, or by the labels of the namespace; only there."""
    many = scopes("{name: all, kind: Pod}", TWO, BY_TEAM, everywhere=True, x="shop")
    alone = scopes(TWO, BY_TEAM, everywhere=False, a="shop")

    [(every, two, team)] = many.now().values()
    chosen = [[one.selects(n) for n in ("a", "x")] for one in (every, two, team)]

    assert chosen == [[True, True], [True, False], [None, True]]
    assert all(one.is_plain for sources in alone.now().values() for one in sources)
