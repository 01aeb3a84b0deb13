"""What docs/extending.md adds is added to a copy of the package, and works."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCK = re.compile(
    r"^`([\w/.]+)`\n\n```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
KINDS = ("format", "filter", "setting")
MOST_FILES = 5


def sections() -> dict[str, str]:
    """Return the page's sections by what they add."""
    parts = re.split(r"^## A (\w+)$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def apply(blocks: list[tuple[str, str, str]], root: Path) -> None:
    """Write the files of the page, and change those that it changes."""
    for name, language, text in blocks:
        path = root / name
        if language == "python":
            assert not (ROOT / name).exists(), f"{name} is there already"
            path.write_text(text)
            continue
        for hunk in re.split(r"^@@\n", text, flags=re.MULTILINE):
            path.write_text(changed(path.read_text(), hunk))


def changed(text: str, hunk: str) -> str:
    """Return a file in which the lines of a hunk are changed."""
    lines = hunk.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    assert text.count(f"\n{before}") == 1, f"expected these lines once:\n{before}"
    return text.replace(f"\n{before}", f"\n{after}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copy the package and its unit tests, and extend them as the page says."""
    root = tmp_path_factory.mktemp("house")
    for folder in ("bridge", "tests/unit"):
        shutil.copytree(ROOT / folder, root / folder)
    for name in ("pyproject.toml", "tests/conftest.py", "tests/ports.py"):
        shutil.copy(ROOT / name, root / name)
    apply(BLOCK.findall(PAGE), root)
    yield root
    shutil.rmtree(root)


def run(*words: str, house: Path) -> str:
    """Return what a command says in the copy."""
    # Not measured: the copy's files are gone when coverage reports.
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("COV")
    }
    done = subprocess.run(
        [sys.executable, *words],
        cwd=house,
        env=environment | {"PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_adds_a_format_a_filter_and_a_setting() -> None:
    """Each in few files, those counted that are only named."""
    assert tuple(sections()) == KINDS
    for text in sections().values():
        steps = len(re.findall(r"^\*\*\d\. ", text, re.MULTILINE))
        files = len({name for name, _, _ in BLOCK.findall(text)})
        assert files <= steps < MOST_FILES  # and the changelog


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_added_works(kind: str, house: Path) -> None:
    """The page's own test of it passes in the copy."""
    [test] = [name for name, _, _ in BLOCK.findall(sections()[kind]) if "test_" in name]

    run("-m", "pytest", "-q", "-p", "no:cacheprovider", test, house=house)


def test_what_is_added_is_in_style(house: Path) -> None:
    """As `make check` asks."""
    names = sorted({name for name, _, _ in BLOCK.findall(PAGE)})

    run("-m", "ruff", "format", "--no-cache", "--check", *names, house=house)
    run("-m", "ruff", "check", "--no-cache", *names, house=house)


def test_what_is_added_is_in_the_schema(house: Path) -> None:
    """Editors know the dialect, with its explanation, and the key."""
    schema = run("-m", "bridge", "schema", house=house)

    assert "Pass events in which each of these contains this text." in schema
    assert '"restMax"' in schema
