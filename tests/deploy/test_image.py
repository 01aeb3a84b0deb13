"""The Dockerfile, as far as that can be told without a container engine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.documents import ROOT, mounts, pod

DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    """Lint a Dockerfile."""
    command = [str(Path(sys.executable).with_name("hadolint")), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copied() -> set[str]:
    """Return what the image is made from."""
    lines = re.findall(
        r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE
    )
    return {name for line in lines for name in line.split()}


def test_dockerfile_follows_the_rules() -> None:
    """Hadolint has nothing to say."""
    done = hadolint(DOCKERFILE)

    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_notices_a_fault(tmp_path: Path) -> None:
    """The check above can fail."""
    faulty = tmp_path / "Dockerfile"
    faulty.write_text("FROM python\n")

    assert "DL3006" in hadolint(faulty).stdout


def test_context_is_what_is_copied() -> None:
    """Nothing else reaches the engine, so no secret of a checkout can."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert {line[1:] for line in lines if line.startswith("!")} == copied()
    assert "*" in lines


@pytest.mark.parametrize("name", sorted(copied()))
def test_what_is_copied_exists(name: str) -> None:
    """No COPY names a file that was renamed since."""
    assert (ROOT / name).exists()


def test_image_runs_as_the_manifest_says() -> None:
    """User, configuration and queue are the same in both."""
    text, spec = DOCKERFILE.read_text(), pod()["securityContext"]

    assert f"USER {spec['runAsUser']}:{spec['runAsGroup']}\n" in text
    assert f'CMD ["run", "-c", "{mounts()["config"]}/bridge.yaml"]' in text
    assert f"--owner={spec['runAsUser']} --group={spec['fsGroup']}" in text
    assert f"HOME={mounts()['queue']} " in text


def test_base_image_is_named_by_digest() -> None:
    """Both stages begin with the same bytes, in each build (issue 10, item 50)."""
    text = DOCKERFILE.read_text()

    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    named = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", text, re.MULTILINE)

    assert stages == ["${PYTHON_IMAGE}"] * 2
    assert re.fullmatch(r"python:3\.13-slim-trixie@sha256:[0-9a-f]{64}", named[0])
