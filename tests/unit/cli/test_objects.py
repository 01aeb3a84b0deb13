"""``kubebridge sources objects``."""

import json

import pytest

from bridge.cluster import ObjectMeta, Owner
from bridge.cluster.store import Store


@pytest.fixture(autouse=True)
def _pods(world):
    """Let the events' source look Pods up."""
    owner = Owner(api_version="apps/v1", kind="ReplicaSet", name="web", uid="rs")
    labels = {"tier": "1", "app": "web"}
    pods = [
        ObjectMeta(key="shop/a", uid="1", version="7", labels=labels, owner=owner),
        ObjectMeta(key="test/b", uid="2", version="8"),
    ]
    world.health.readers[0].stores["pods"] = Store(
        pods, keeps_labels=True, keeps_owner=True
    )


async def test_objects_are_a_table_for_a_person(ask):
    """With owner and labels; and where to go on."""
    result = await ask("sources", "objects", "events", "--limit", "1", "-o", "text")

    assert [line.split() for line in result.stdout.splitlines()] == [
        ["RESOURCE", "NAMESPACE", "NAME", "VERSION", "OWNER", "LABELS"],
        ["pods", "shop", "a", "7", "ReplicaSet/web", "app=web,tier=1"],
    ]
    assert result.stderr == "there are more: --after 'pods/shop/a' goes on\n"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--namespace", "test"], "b"),
        (["--owner", "rs"], "a"),
        (["--label", "app=web", "--label", "tier=1"], "a"),
        (["--after", "pods/shop/a"], "b"),
    ],
)
async def test_objects_are_chosen_by_options(ask, words, name):
    """All of them are sent."""
    result = await ask("sources", "objects", "events", *words)

    answer = json.loads(result.stdout)
    assert [one["name"] for one in answer["items"]] == [name]
    assert answer["next"] is None
