"""A reflector with a store, on a real API server that restarts and forgets."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from bridge.cluster import Observed, Synced
from bridge.errors import NotServedError
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.e2e.conftest import make_namespace
from tests.e2e.informing import (
    CONFIG_MAPS,
    WIDGETS,
    ConfigMaps,
    Informer,
    Widgets,
    told,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def started(
    plane: ControlPlane, names: Iterable[str]
) -> tuple[ConfigMaps, Informer]:
    """ConfigMaps in a namespace of their own, and an informer that knows them."""
    namespace = make_namespace(plane)
    maps = ConfigMaps(plane, namespace)
    for name in names:
        maps.create(name)
    informer = Informer(plane, namespace, CONFIG_MAPS)
    await informer.run(until=informer.has_synced)
    informer.forget()
    return maps, informer


async def joined(other: Informer) -> Informer:
    """Return an informer of the same that knows what is there."""
    informer = Informer(other.plane, other.namespace, other.resource)
    await informer.run(until=informer.has_synced)
    informer.forget()
    return informer


async def test_first_sync_streams_two_thousand_objects(
    control_plane: ControlPlane, namespace: str
) -> None:
    """One request brings them all, as `Observed`, and then what happens."""
    maps = ConfigMaps(control_plane, namespace)
    names = [f"map-{number:04}" for number in range(2_000)]
    await asyncio.to_thread(lambda: [maps.create(name) for name in names])
    informer = Informer(control_plane, namespace, CONFIG_MAPS)

    await informer.run(until=informer.has_synced)
    version = maps.create("later")
    await informer.run(until=informer.has(version))

    learned = [item for item in informer.items if isinstance(item, Observed)]
    assert sorted(item.known.name for item in learned) == names
    assert (len(informer.store), informer.store.is_complete) == (2_001, True)
    assert told(informer.changes) == [("added", version)]
    assert informer.counts == ["relist"]


async def test_a_server_that_does_not_stream_lists_is_listed(tmp_path: Path) -> None:
    """With the feature gate off it answers 422; the rest is the same."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    flags = ["--feature-gates=WatchList=false"]
    with ControlPlane(
        folder=tmp_path, binaries=binaries, apiserver_flags=flags
    ) as plane:
        maps, informer = await started(plane, ["a", "b"])
        version = maps.create("c")
        await informer.run(until=informer.has(version))

    assert len(informer.store) == 3
    assert informer.history == ["watchlist-fallback", "relist"]


async def test_what_an_api_server_forgets_at_its_restart_is_walked_back(
    fresh_control_plane: ControlPlane,
) -> None:
    """Each revision comes once, although no watch begins at the cursor any more."""
    maps, informer = await started(fresh_control_plane, ["changed", "gone", "same"])

    changed = maps.modify("changed", 5)
    modified_then_gone = maps.modify("gone", 2)
    deleted = maps.delete("gone")
    created = [maps.create("new"), *maps.modify("new", 3)]
    fresh_control_plane.apiserver.restart()
    brief = [maps.create("brief"), maps.delete("brief")]
    await informer.run(until=informer.has_caught_up)
    last = maps.modify("same")
    await informer.run(until=informer.has(*last))

    kinds = ["modified"] * 7 + ["deleted", "added"] + ["modified"] * 3
    kinds += ["added", "deleted", "modified"]
    versions = [*changed, *modified_then_gone, deleted, *created, *brief, *last]
    found = sorted(told(informer.changes), key=lambda one: int(one[1]))
    assert found == list(zip(kinds, versions, strict=True))
    assert [gap.cause for gap in informer.gaps] == ["expired"]  # what came and went
    assert informer.counts.count("rewound") == 4 + 3 + 3


async def test_a_deletion_that_is_walked_back_to_is_as_it_was_watched(
    fresh_control_plane: ControlPlane,
) -> None:
    """The same object at the same version, so the same id."""
    maps, watching = await started(fresh_control_plane, ["gone", "same"])
    absent = await joined(watching)

    deleted = maps.delete("gone")
    await watching.run(until=watching.has(deleted))
    maps.create("other")
    fresh_control_plane.apiserver.restart()
    await absent.run(until=absent.has(deleted))

    (watched,), walked = watching.changes, absent.changes[-1]
    assert json.loads(watched.object) == json.loads(walked.object)
    assert watched.known == walked.known
    assert (watched.listed, walked.listed) == (False, True)


async def test_a_quiet_resource_announces_no_gap_after_a_restart(
    fresh_control_plane: ControlPlane,
) -> None:
    """The cursor cannot be watched any more, and nothing is missing."""
    _, informer = await started(fresh_control_plane, ["a", "b"])
    others = ConfigMaps(fresh_control_plane, "default")

    others.create("elsewhere")
    fresh_control_plane.apiserver.restart()
    await informer.run(until=informer.has_caught_up)

    assert [type(item) for item in informer.items] == [Synced, Synced]
    assert "rewound" not in informer.counts


async def test_what_etcd_forgot_is_a_gap_and_the_rest_is_walked_back(
    fresh_control_plane: ControlPlane,
) -> None:
    """Compacted while away: a snapshot at the oldest state, and every one after it."""
    maps, informer = await started(fresh_control_plane, ["a", "gone"])

    maps.modify("a", 5)
    maps.delete("gone")
    oldest = maps.modify("a")
    fresh_control_plane.etcd.compact(int(oldest[0]))
    newer = maps.modify("a", 5)
    fresh_control_plane.apiserver.restart()
    await informer.run(until=informer.has(newer[-1]))

    expected = [("modified", version) for version in oldest + newer]
    assert [one for one in told(informer.changes) if one[0] != "deleted"] == expected
    assert [one.known.name for one in informer.changes if one.change == "deleted"] == [
        "gone"
    ]
    assert [gap.cause for gap in informer.gaps] == ["expired"]


async def test_a_custom_resource_that_goes_is_told_and_found_again(
    fresh_control_plane: ControlPlane,
) -> None:
    """`NotServedError` comes out; with the resource back it goes on where it stood."""
    plane = fresh_control_plane
    widgets = Widgets(plane)
    widgets.define()
    first = widgets.create("one")
    informer = Informer(plane, "default", WIDGETS)
    await informer.run(until=informer.has_synced)

    widgets.undefine()
    with pytest.raises(NotServedError):
        await informer.run(until=lambda: False)
    widgets.define()
    second = widgets.create("one")
    await informer.run(until=informer.has(second))

    assert [one.change for one in informer.changes] == ["deleted", "added"]
    assert int(informer.versions[0]) > int(first)
    assert [gap.cause for gap in informer.gaps] == ["expired"]  # what came and went
