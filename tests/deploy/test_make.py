"""The Makefile and what CI makes of it."""

import os
import re
import subprocess

import pytest

from tests.deploy.documents import ROOT

TARGETS = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def make(*arguments: str) -> str:
    """Return what make prints; with `-n` that is what it would run."""
    command = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    # Not the options of the `make test` that runs us.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.check_output(command, text=True, env=environment)


def installed_by(target: str) -> set[str]:
    """Return the locks that a target installs into a new environment."""
    return set(re.findall(r"-r (\S+)", make("-n", "--always-make", target)))


def test_help_names_each_target() -> None:
    """No target is hidden."""
    assert TARGETS is not None

    listed = re.findall(r"^make (\w+)", make("help"), re.MULTILINE)

    assert listed == TARGETS[1].split()


@pytest.mark.parametrize("target", ["demo", "run", "cluster"])
def test_run_needs_no_development_tools(target: str) -> None:
    """Who only wants to see it waits for nothing else."""
    assert installed_by(target) == {"requirements-build.txt", "requirements.txt"}


@pytest.mark.parametrize("target", ["test", "check", "mutants", "fuzz", "bench"])
def test_tools_are_pinned(target: str) -> None:
    """The other targets add the development lock and nothing else."""
    assert installed_by(target) - {"requirements-build.txt", "requirements.txt"} == {
        "requirements-dev.txt"
    }


def test_all_that_is_installed_has_a_hash() -> None:
    """No package is taken that a lock does not name."""
    lines = make("-n", "--always-make", "check").splitlines()
    installs = [line for line in lines if " install " in line]

    assert installs
    for line in installs:
        assert "--require-hashes" in line or "--no-build-isolation --no-deps" in line


def test_control_plane_needs_no_environment() -> None:
    """CI builds it before anything is installed."""
    assert installed_by("controlplane") == set()


def test_ci_runs_each_suite_once() -> None:
    """What guards the project is what people run."""
    script = (ROOT / ".ci" / "run").read_text()

    assert re.findall(r"^ *make (\w+)", script, re.MULTILINE) == [
        "controlplane",
        "test",
        "check",
    ]
