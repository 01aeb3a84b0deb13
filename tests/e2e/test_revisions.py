"""Every revision inside the history arrives, whatever happens meanwhile.

One run of nine kinds of havoc with three kinds of objects; `make soak` does them all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.controlplane.custom import custom_resource
from tests.controlplane.fixtures import _run as run_control_plane
from tests.e2e import havoc
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.scene import Scene, open_scene, verdicts
from tests.e2e.scribe import CONFIG_MAPS, EVENTS, WIDGETS, Kind
from tests.e2e.verdict import Verdict

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KINDS = (EVENTS, CONFIG_MAPS, WIDGETS)
FAULTS = havoc.DECK[:9]
SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of the run, and what was asked of the API server."""

    scene: Scene
    verdicts: Mapping[str, Verdict]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Do it once for all tests."""
    folder = tmp_path_factory.mktemp("bridge")
    for plane in run_control_plane(tmp_path_factory):
        with (
            Receiver() as receiver,
            custom_resource(plane.apiserver, "Widget"),
            open_scene(plane, receiver, folder, kinds=KINDS, seed=SEED) as scene,
        ):
            namespace = make_namespace(plane)
            havoc.run_rounds(scene, namespace=namespace, faults=FAULTS, seed=SEED)
            found = verdicts(scene, seconds=30)
            yield Run(scene=scene, verdicts=found)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_revision_is_lost_doubled_or_invented(run: Run, kind: Kind) -> None:
    """But for what a gap covers, which is no longer than history was away."""
    written = run.scene.truth.of(kind.prefix)

    assert len(written) > 20 * len(FAULTS)
    assert run.verdicts[kind.name].faults == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_faults_make_no_storm_of_lists(run: Run, kind: Kind) -> None:
    """A list when a kind is first read, and after each end of its history."""
    asked = run.scene.http.count(plural=kind.plural)

    # A restart in the midst of a list begins it anew.
    assert run.scene.lists(kind) <= 2 + len(FAULTS), asked
    assert asked["watch"] + asked["watchlist"] <= 8 * len(FAULTS)
