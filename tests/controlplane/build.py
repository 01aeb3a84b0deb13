"""Build the control plane's binaries from their Go modules, once per machine.

Run as `python -m tests.controlplane.build`, or `make controlplane`. The versions are
pinned by the go.mod and go.sum of each folder in `go/`; the binaries go to a cache
folder outside the checkout, so that a clean clone does not build them again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

KUBERNETES, ETCD, KWOK = "1.36.1", "3.6.5", "0.7.0"
NEEDED = ("etcd", "kube-apiserver")
"""The least that makes an API server; each other binary serves a purpose of its own."""

SOURCES = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "etcdctl": ("etcd", "go.etcd.io/etcd/etcdctl/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    "kube-controller-manager": (
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
}
"""Binary → (folder in `go/` that pins it, Go package), the quickest first."""


def cache_folder() -> Path:
    """Return the folder for what kubebridge's tests keep between two runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kubebridge"


def binary_folder() -> Path:
    """Return where the binaries are, or will be.

    `KUBEBUILDER_ASSETS` comes first: controller-runtime's envtest names by it a folder
    that holds kube-apiserver, etcd and kubectl.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(assets)
    versions = f"kubernetes-{KUBERNETES}-etcd-{ETCD}-kwok-{KWOK}"
    return cache_folder() / "controlplane" / versions


def find_binaries(*names: str) -> dict[str, Path] | str:
    """Return the path of each binary that is there, or why there is no control plane.

    A folder of envtest may hold no kubectl; then it is the one on PATH.

    Args:
        names: binaries wanted besides etcd and kube-apiserver.
    """
    folder = binary_folder()
    found = {name: folder / name for name in SOURCES if (folder / name).is_file()}
    if kubectl := find_kubectl():
        found["kubectl"] = kubectl
    missing = [name for name in (*NEEDED, *names) if name not in found]
    if missing:
        return f"no {', '.join(missing)} in {folder}: run `make controlplane`"
    return found


def find_kubectl() -> Path | None:
    """Return kubectl, beside the other binaries or on PATH; None: there is none."""
    ours = binary_folder() / "kubectl"
    elsewhere = ours if ours.is_file() else shutil.which("kubectl")
    return None if elsewhere is None else Path(elsewhere)


def main() -> int:
    """Build what is missing; exit code 2 when there is neither Go nor binaries."""
    parser = argparse.ArgumentParser(prog="tests.controlplane.build")
    parser.add_argument(
        "--print-path", action="store_true", help="print the binaries' folder, no more"
    )
    folder = binary_folder()
    if parser.parse_args().print_path:
        _say(str(folder))
        return 0
    return _build_missing(folder)


def _build_missing(folder: Path) -> int:
    from_envtest = "KUBEBUILDER_ASSETS" in os.environ
    wanted = (*NEEDED, "kubectl") if from_envtest else tuple(SOURCES)
    missing = [name for name in wanted if not _is_there(folder, name)]
    if not missing:
        _say(f"The control plane's binaries are in {folder}")
        return 0
    if from_envtest:
        _say(f"KUBEBUILDER_ASSETS={folder}: no {', '.join(missing)} there; unset it")
        return 2
    if not (go := shutil.which("go")):
        _say(f"go: not found; install Go 1.26 or newer to build {', '.join(missing)}")
        return 2
    return _build_all(go, missing, folder)


def _is_there(folder: Path, name: str) -> bool:
    """Tell whether a binary need not be built; kubectl may be on PATH for envtest."""
    from_envtest = "KUBEBUILDER_ASSETS" in os.environ
    if name == "kubectl" and from_envtest:
        return find_kubectl() is not None
    return (folder / name).is_file()


def _build_all(go: str, names: list[str], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        _say(f"Building {name} (the first time takes minutes)")
        started = time.monotonic()
        if code := _build(go, name, folder):
            _say(f"{name}: go build ended with {code}")
            return 1
        _say(f"Built {name} in {time.monotonic() - started:.0f} s")
    _say(f"The control plane's binaries are in {folder}")
    return 0


def _build(go: str, name: str, folder: Path) -> int:
    module, package = SOURCES[name]
    unfinished = folder / f".{name}.{os.getpid()}"
    command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", _linker_flags()]
    try:
        code = subprocess.call(
            [*command, "-o", str(unfinished), package],
            cwd=Path(__file__).parent / "go" / module,
            env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"},
        )
        if not code:
            # A rename is atomic: a binary under its own name is a whole one.
            unfinished.rename(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)
    return code


def _linker_flags() -> str:
    # Without them the server calls itself v0.0.0, which its compatibility version
    # and kubectl's skew check mind. Packages that a binary lacks are ignored.
    major, minor, _ = KUBERNETES.split(".")
    values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = [f"-X {p}.{name}={values[name]}" for p in packages for name in values]
    return " ".join(["-s", "-w", *flags])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
