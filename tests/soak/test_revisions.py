"""Two hundred rounds of havoc; `SOAK_ROUNDS` and `SOAK_SEED` change that."""

import os
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.custom import custom_resource
from tests.e2e import havoc
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.scene import open_scene, summary, verdicts
from tests.e2e.scribe import CONFIG_MAPS, EVENTS, WIDGETS

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200"))
SEED = int(os.environ.get("SOAK_SEED", "1"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(30 * ROUNDS + 300)]


def test_no_revision_is_lost_doubled_or_invented(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Each kind of havoc several times over, in an order of its own each time."""
    plane, kinds = fresh_control_plane, (EVENTS, CONFIG_MAPS, WIDGETS)
    namespace = make_namespace(plane)
    faults = havoc.shuffled(ROUNDS, seed=SEED)
    with (
        custom_resource(plane.apiserver, "Widget"),
        open_scene(plane, receiver, tmp_path, kinds=kinds, seed=SEED) as scene,
    ):
        havoc.run_rounds(scene, namespace=namespace, faults=faults, seed=SEED)
        found = verdicts(scene, seconds=300)
        lists = {kind.plural: scene.lists(kind) for kind in kinds}

    print(summary(scene, found))  # noqa: T201
    assert {name: each.faults for name, each in found.items() if each.faults} == {}
    assert max(lists.values()) <= 2 + ROUNDS
