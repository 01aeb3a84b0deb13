"""Every revision inside the history arrives, whatever happens meanwhile."""

from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.custom import custom_resource
from tests.e2e import havoc
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.scribe import CONFIG_MAPS, EVENTS, WIDGETS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FAULTS = havoc.DECK[:8]


def test_no_revision_is_lost_doubled_or_invented(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Events, ConfigMaps and custom objects through eight kinds of havoc."""
    plane, kinds = fresh_control_plane, (EVENTS, CONFIG_MAPS, WIDGETS)
    namespace = make_namespace(plane)
    with (
        custom_resource(plane.apiserver, "Widget"),
        havoc.scene(plane, receiver, tmp_path, kinds=kinds, seed=1) as scene,
    ):
        havoc.run_rounds(scene, namespace=namespace, faults=FAULTS, seed=1)
        found = havoc.verdicts(scene)
        asked = {kind.plural: scene.http.count(plural=kind.plural) for kind in kinds}
        lists = {kind.plural: scene.lists(kind) for kind in kinds}

    assert {name: verdict.faults for name, verdict in found.items()} == {
        "Event": {},
        "ConfigMap": {},
        "Widget": {},
    }
    # One list when a kind is first read, or after each end of its history; a restart
    # in the midst of one begins it anew.
    rounds = len(FAULTS)
    assert max(lists.values()) <= 2 + rounds, asked
    assert max(one["watch"] + one["watchlist"] for one in asked.values()) <= 8 * rounds
