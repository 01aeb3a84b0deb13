"""Which cursor a reader starts from."""

import pytest

from bridge.errors import ConfigError
from bridge.ingest.scoping import adopt_scopes, check_identity, identity_scope
from bridge.queue import Scope
from tests.unit.memory_queue import MemoryQueue


def scope(namespace: str = "*", *, cluster: str = "uid", resource: str = "events"):
    """Return a scope."""
    return Scope(cluster=cluster, resource=resource, namespace=namespace)


async def test_new_scope_inherits_the_lowest_unused_cursor() -> None:
    """It never starts silently from now; what was inherited is over."""
    queue = MemoryQueue(positions={scope("a"): "20", scope("b"): "9"})

    await adopt_scopes(queue, [scope()])  # type: ignore[arg-type]

    assert queue.positions == {scope(): "9"}


async def test_every_new_scope_inherits() -> None:
    """One old cursor may have several heirs."""
    queue = MemoryQueue(positions={scope(): "20"})

    await adopt_scopes(queue, [scope("a"), scope("b")])  # type: ignore[arg-type]

    assert queue.positions == {scope("a"): "20", scope("b"): "20"}


async def test_scope_in_use_is_no_inheritance() -> None:
    """A source that is added beside another starts by its own `initial`."""
    queue = MemoryQueue(positions={scope("a"): "20"})

    await adopt_scopes(queue, [scope("a"), scope("b")])  # type: ignore[arg-type]

    assert queue.positions == {scope("a"): "20"}


async def test_cursors_of_other_clusters_and_resources_stay() -> None:
    """They are no inheritance and are not forgotten."""
    others = {
        scope(cluster="other"): "20",
        scope(resource="pods"): "30",
        identity_scope("prod"): "uid",
    }
    queue = MemoryQueue(positions=dict(others))

    await adopt_scopes(queue, [scope()])  # type: ignore[arg-type]

    assert queue.positions == others


async def test_name_of_a_cluster_is_bound_to_its_uid() -> None:
    """The first start binds it, later ones agree."""
    queue = MemoryQueue()

    await check_identity(queue, name="prod", uid="one")  # type: ignore[arg-type]
    await check_identity(queue, name="prod", uid="one")  # type: ignore[arg-type]

    assert queue.positions == {identity_scope("prod"): "one"}


async def test_other_cluster_behind_the_name_is_refused() -> None:
    """Until an operator resets it."""
    queue = MemoryQueue(positions={identity_scope("prod"): "one"})

    with pytest.raises(ConfigError, match=r"expected prod to be .* one, got two"):
        await check_identity(queue, name="prod", uid="two")  # type: ignore[arg-type]
