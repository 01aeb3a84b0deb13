"""Build helm from its Go module, once per machine, and find it.

Run as `python -m tests.deploy.tools`, or `make helm`. The version is pinned by go.mod
and go.sum in `go/helm`; the binary goes beside those of the control plane.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane.build import cache_folder

HELM = "4.3.2"
MODULE = Path(__file__).parent / "go" / "helm"
_FLAGS = f"-s -w -X helm.sh/helm/v4/internal/version.version=v{HELM}"


def helm_path() -> Path:
    """Return where helm is, or will be."""
    return cache_folder() / "deploy" / f"helm-{HELM}" / "helm"


def find_helm() -> Path:
    """Return helm of the pinned version; skip the test if it was not built."""
    if not helm_path().is_file():
        pytest.skip(f"no {helm_path()}: run `make helm`")
    return helm_path()


def find_promtool() -> str:
    """Return promtool; skip the test if there is none."""
    ours = cache_folder() / "deploy" / "promtool"
    found = shutil.which("promtool") or (str(ours) if ours.is_file() else None)
    if found is None:
        pytest.skip("no promtool: install Debian's package prometheus")
    return found


def main() -> int:
    """Build helm if it is missing; exit code 2 when there is no Go either."""
    path = helm_path()
    if path.is_file():
        sys.stdout.write(f"helm is {path}\n")
        return 0
    if not (go := shutil.which("go")):
        sys.stdout.write("go: not found; install Go 1.26 or newer to build helm\n")
        return 2
    sys.stdout.write("Building helm (the first time takes minutes)\n")
    sys.stdout.flush()
    return build(go, path)


def build(go: str, path: Path) -> int:
    """Build helm; a binary under its own name is a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".helm.{os.getpid()}")
    command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", _FLAGS]
    try:
        code = subprocess.call(
            ["nice", *command, "-o", str(unfinished), "helm.sh/helm/v4/cmd/helm"],
            cwd=MODULE,
            env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"},
        )
        if not code:
            unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
