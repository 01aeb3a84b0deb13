"""What a reader knows when it starts again."""

from typing import Any

import pytest

from bridge.cluster import ObjectMeta
from bridge.ingest.checkpoint import (
    OBJECT,
    RESYNC,
    STORE,
    Checkpoint,
    load_checkpoint,
    remember,
    write_complete,
)
from tests.unit.ingest.objects import SCOPE, source_of
from tests.unit.memory_queue import MemoryQueue

WEB = ObjectMeta(key="shop/web", uid="web", version="7", labels={"app": "web"})
NAMES, OBJECTS = write_complete(objects=False), write_complete(objects=True)


async def memory(
    rows: dict[str, bytes], *, has_store: bool = True, keeps_objects: bool = False
) -> Checkpoint:
    """Return what is read from some rows and one known object."""
    key, value = remember(WEB).remember or ("", None)
    queue = MemoryQueue(positions={SCOPE: "100"})
    queue.memory[SCOPE] = {key: value or b"", f"{OBJECT}shop/web": b"packed", **rows}
    return await load_checkpoint(
        queue,  # type: ignore[arg-type]
        SCOPE,
        has_store=has_store,
        keeps_objects=keeps_objects,
        keeps_labels=True,
    )


async def test_objects_are_known_again() -> None:
    """All that was there at the cursor, with what is kept of them."""
    found = await memory({STORE: NAMES})

    assert found.store is not None
    assert list(found.store) == [WEB]
    assert (found.store.is_complete, found.store.keeps.labels) == (True, True)
    assert found.cursor == "100"


async def test_store_is_not_complete_before_the_first_snapshot_was() -> None:
    """A crash in it leaves a part."""
    found = await memory({})

    assert found.store is not None
    assert (len(found.store), found.store.is_complete) == (1, False)


async def test_objects_that_are_to_be_compared_are_read_first() -> None:
    """Where they were not kept until now: as if nothing were known."""
    found = await memory({STORE: NAMES}, keeps_objects=True)

    assert found.store is not None
    assert (len(found.store), found.store.is_complete) == (0, False)


async def test_objects_that_were_kept_are_compared_at_once() -> None:
    """And nothing is read again when they are not to be compared any more."""
    found = [await memory({STORE: OBJECTS}, keeps_objects=one) for one in (True, False)]

    assert [one.store and one.store.is_complete for one in found] == [True, True]


async def test_nothing_is_known_of_kubernetes_events() -> None:
    """There is no store."""
    found = await memory({STORE: NAMES}, has_store=False)

    assert found.store is None


async def test_numbers_of_resyncs_are_known() -> None:
    """By source; the next one has the next number."""
    found = await memory({f"{RESYNC}pods": b"3", f"{RESYNC}all": b"12"})

    assert found.resyncs == {"pods": 3, "all": 12}


@pytest.mark.parametrize(
    ("asks", "needs"),
    [
        ({}, False),
        ({"previous": True}, True),
        ({"updates": "relevant"}, True),
        ({"resync": "60s"}, True),
    ],
)
def test_objects_are_remembered_whole_for_those_who_need_them(
    asks: Any, needs: bool
) -> None:
    """To compare, to tell what was before, or to tell it again."""
    assert source_of("pods", **asks).needs_objects is needs


async def test_memos_of_noise_control_are_read_by_their_own_keys() -> None:
    """Whatever else is remembered in the scope."""
    found = await memory({"~quiet/dedup/aa": b"1", STORE: NAMES})

    assert found.noise == {"quiet/dedup/aa": b"1"}
