"""Where the control plane's binaries come from, and what is said without them."""

import sys
from pathlib import Path

import pytest

from tests.controlplane import build


def go_mod(folder: str) -> str:
    """Return the go.mod of a folder in `go/`."""
    return (Path(build.__file__).parent / "go" / folder / "go.mod").read_text()


def test_folder_is_named_after_the_versions_go_mod_pins() -> None:
    """A changed pin changes the cache folder, so that no old binary is taken."""
    assert f"k8s.io/kubernetes v{build.KUBERNETES} " in go_mod("kubernetes")
    assert f"go.etcd.io/etcd/server/v3 v{build.ETCD} " in go_mod("etcd")
    assert f"go.etcd.io/etcd/etcdctl/v3 v{build.ETCD} " in go_mod("etcd")
    assert f"sigs.k8s.io/kwok v{build.KWOK} " in go_mod("kwok")


def test_go_mod_names_each_binary_as_a_tool() -> None:
    """Each package we build is required by the module that pins it."""
    for module, package in build.SOURCES.values():
        assert f"{package}\n" in go_mod(module)


def test_envtest_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KUBEBUILDER_ASSETS wins over the cache, and what it lacks is not found."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for name in build.NEEDED:
        (tmp_path / name).touch()

    assert build.find_binaries() == {name: tmp_path / name for name in build.NEEDED}
    assert "no kwok in" in build.find_binaries("kwok")


def test_kubectl_may_be_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An envtest folder may have none (issue 10, item 27)."""
    assets, elsewhere = tmp_path / "assets", tmp_path / "bin"
    for folder, names in ((assets, build.NEEDED), (elsewhere, ("kubectl",))):
        folder.mkdir()
        for name in names:
            (folder / name).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    monkeypatch.setenv("PATH", str(elsewhere))
    monkeypatch.setattr(sys, "argv", ["build"])

    found = build.find_binaries("kubectl")

    assert found["kubectl"] == build.find_kubectl() == elsewhere / "kubectl"
    assert build.main() == 0


def test_kubectl_of_the_assets_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where there is none at all, that is said (issue 10, item 27)."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for name in build.NEEDED:
        (tmp_path / name).touch()
    assert "no kubectl in" in build.find_binaries("kubectl")

    (tmp_path / "kubectl").touch()

    assert build.find_kubectl() == tmp_path / "kubectl"


def test_missing_binaries_give_a_reason_to_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names what is missing, where, and what brings it."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    reason = build.find_binaries()

    assert reason == (
        f"no etcd, kube-apiserver in {build.binary_folder()}: run `make controlplane`"
    )


def test_build_without_go_says_what_to_install(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With neither Go nor binaries the exit code is 2 and the message names Go."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["build"])

    assert build.main() == 2

    assert "install Go 1.26 or newer" in capsys.readouterr().out


def test_interrupted_build_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stopped compiler wrote never stands under a binary's name."""

    def interrupted(command: list[str], **_: object) -> int:
        Path(command[-2]).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.call", interrupted)

    with pytest.raises(KeyboardInterrupt):
        build._build("go", "etcd", tmp_path)

    assert not list(tmp_path.iterdir())
