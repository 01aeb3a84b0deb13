"""kubeconfig files through kubectl and kubebridge (issue 10, items 4 and 5)."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.cluster.client import ClusterClient
from bridge.errors import CredentialsError, UnreachableError
from tests.controlplane.build import find_binaries
from tests.kubeconfig_matrix import (
    files,
    impersonations,
    logins,
    plugins,
    trust,
    ways,
)
from tests.kubeconfig_matrix.case import Case, Place, Refused, Unreachable
from tests.kubeconfig_matrix.recorder import Recorder, Seen, recording

CASES = [
    pytest.param(case, id=f"{part.__name__.rpartition('.')[2]}: {case.name}")
    for part in (logins, impersonations, trust, plugins, ways, files)
    for case in part.CASES
]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """Run the one server that both programs speak to."""
    with recording() as recorder:
        yield recorder


@pytest.fixture
def place(recorder: Recorder, tmp_path: Path, monkeypatch) -> Place:
    """Furnish a folder in an environment without proxies."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    place = Place(folder=tmp_path, port=recorder.port)
    place.furnish()
    script = tmp_path / "plugin"
    script.write_text(plugins.SCRIPT)
    script.chmod(0o755)
    recorder.take()
    return place


@pytest.fixture(scope="module")
def kubectl() -> str | None:
    """Return the kubectl that was built, or the system's."""
    binaries = find_binaries("kubectl")
    built = None if isinstance(binaries, str) else str(binaries["kubectl"])
    return built or shutil.which("kubectl")


@pytest.mark.parametrize("case", CASES)
async def test_kubeconfig_means_what_it_means_to_kubectl(
    case: Case, place: Place, recorder: Recorder, kubectl: str | None, monkeypatch
):
    """Same server, same headers, same identity, or a refusal that names the key."""
    environ = {name: place.filled(value) for name, value in case.environ.items()}
    environ |= {"KUBECONFIG": place.write(case), "HOME": str(place.folder)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    ours = await _ask_with_kubebridge(environ, recorder)
    assert ours == _filled(case.ours, place)
    if kubectl is None:
        pytest.skip("no kubectl, neither built nor in PATH")
    assert _ask_with_kubectl(kubectl, recorder) == _filled(
        case.expected_of_kubectl, place
    )


def test_matrix_has_sixty_files_and_a_reason_for_each_difference():
    """Where kubebridge does otherwise, the table says why."""
    cases = [one.values[0] for one in CASES]

    assert len({case.files + tuple(case.environ.items()) for case in cases}) >= 60
    assert all(bool(case.why) == (not _is_same(case)) for case in cases)


def _is_same(case: Case) -> bool:
    seen = case.ours if isinstance(case.ours, Seen) else None
    return case.expected_of_kubectl == seen


async def _ask_with_kubebridge(
    environ: dict[str, str], recorder: Recorder
) -> Seen | Refused | Unreachable | None:
    try:
        async with ClusterClient.open(environ=environ) as client:
            await client.get("/version")
    except CredentialsError as error:
        assert recorder.take() is None
        return _Named(str(error))
    except UnreachableError as error:
        assert recorder.take() is None
        return Unreachable(phase=error.phase)
    return recorder.take()


class _Named:
    """An error, equal to the refusal whose key it names."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and other.key in self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"refused: {self.text}"


def _ask_with_kubectl(kubectl: str, recorder: Recorder) -> Seen | None:
    command = [kubectl, "version", "-o", "json", "--request-timeout", "5s"]
    ended = subprocess.run(
        command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=20
    )
    seen = recorder.take()
    # Some vendors' kubectl asks for the version itself, before it reads the login.
    return None if ended.returncode else seen


def _filled(expected, place: Place):
    """Return what is expected, with what only the place knows."""
    if not isinstance(expected, Seen):
        return expected
    via = place.filled(expected.via) if expected.via else None
    authorization = expected.authorization
    if authorization and authorization.startswith("TOLD "):
        authorization = _told(place.filled(authorization.removeprefix("TOLD ")))
    return replace(expected, via=via, authorization=authorization)


def _told(spec: str) -> str:
    """Return the token of a plugin that repeats what it was told."""
    info = {"apiVersion": plugins.V1, "kind": "ExecCredential"}
    text = json.dumps(info | {"spec": json.loads(spec)}, sort_keys=True)
    return f"Bearer {base64.urlsafe_b64encode(text.encode()).decode()}"
