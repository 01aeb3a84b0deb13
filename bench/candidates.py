"""Which build of kubebridge is measured: this checkout, or a commit beside it.

Two builds are only comparable when they run in turns on one machine, so `--against
<commit>` checks the commit out into a folder of its own, with a virtual environment of
its own that holds what that commit's `requirements.txt` pins.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

_CAMEL = re.compile(r"(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A build that can be started.

    Attributes:
        name: How the table names it: ``here``, or the commit.
        python: The interpreter whose packages it needs.
        root: The folder that holds its package ``bridge``.
        is_camel: Whether its configuration has keys in camelCase; older builds have
            them in snake_case.
    """

    name: str
    python: Path
    root: Path
    is_camel: bool

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs `kubebridge` with these arguments."""
        return [str(self.python), "-m", "bridge", *arguments]

    def spelled(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration, written in camelCase, in the keys of this build."""
        return dict(config) if self.is_camel else dict(_snake(config))


def here() -> Candidate:
    """Return the build of this checkout."""
    return _candidate("here", Path(sys.executable), ROOT)


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Candidate]:
    """Yield the build of a commit, installed below `folder`; tidy up after it.

    Raises:
        CalledProcessError: There is no such commit, or it cannot be installed.
    """
    root, environment = folder / "checkout", folder / "venv"
    _git("worktree", "add", "--detach", "--force", str(root), commit)
    try:
        _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
        python = environment / "bin" / "python"
        pip = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
        _run(
            *pip,
            "--python",
            str(python),
            "--require-hashes",
            "-r",
            str(root / "requirements.txt"),
        )
        yield _candidate(commit, python, root)
    finally:
        _git("worktree", "remove", "--force", str(root))


def _candidate(name: str, python: Path, root: Path) -> Candidate:
    schema = subprocess.run(
        [str(python), "-m", "bridge", "schema"],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    ).stdout
    return Candidate(
        name=name, python=python, root=root, is_camel='"maxSize"' in schema
    )


def _snake(value: Any) -> Any:
    """Return the document with its camelCase keys in snake_case."""
    if isinstance(value, Mapping):
        return {_snake_key(key): _snake(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_snake(one) for one in value]
    return value


_ALWAYS_CAMEL = frozenset({"apiVersion", "fieldSelector", "labelSelector"})
"""Keys that Kubernetes has in the same form, so that every build has them so."""


def _snake_key(key: str) -> str:
    if key in _ALWAYS_CAMEL:
        return key
    return _CAMEL.sub(lambda found: "_" + found[0].lower(), key)


def _git(*arguments: str) -> None:
    _run("git", "-C", str(ROOT), *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
