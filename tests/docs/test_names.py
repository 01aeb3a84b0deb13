"""Modules and functions that the pages name are there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BRIDGE = ROOT / "bridge"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOLDERS = "|".join(sorted(path.name for path in BRIDGE.iterdir() if path.is_dir()))
AS_FILE = re.compile(rf"(?<![\w/.])(?:bridge/)?((?:{FOLDERS})/[\w/]+\.py)\b")
AS_MODULE = re.compile(r"\bbridge((?:\.[A-Za-z_]\w*)+)")
HOSTS = (".example.", ".internal.")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
STEP = re.compile(r"^\| \d+ \| `([\w/]+\.py)` \| `([\w.]+)` \|", re.MULTILINE)
NO_MODULES = {".yaml"}
ADDED = {"sinks/formats/ntfy.py", ".sinks.formats.ntfy"}
"""The module that docs/extending.md shows how to add."""


def is_there(name: str) -> bool:
    """Return whether a dotted name is a module, or a name of one."""
    *folders, last = name.removeprefix(".").split(".")
    path = BRIDGE.joinpath(*folders, last)
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    owner = BRIDGE.joinpath(*folders)
    sources = [owner.with_suffix(".py"), owner / "__init__.py"]
    return any(one.exists() and last in one.read_text() for one in sources)


@cache
def functions(path: Path) -> frozenset[str]:
    """Return the functions and methods of a file, by qualified name."""
    return frozenset(_named(ast.parse(path.read_text()), ""))


def _named(node: ast.AST, before: str) -> Iterator[str]:
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.ClassDef):
            yield from _named(one, f"{one.name}.")
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{before}{one.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_modules_that_a_page_names_are_there(page: Path) -> None:
    """Written as paths or with dots."""
    text = page.read_text()
    files = set(AS_FILE.findall(text)) - ADDED
    modules = set(AS_MODULE.findall(text)) - NO_MODULES - ADDED

    missing = [name for name in files if not (BRIDGE / name).exists()]
    missing += [
        f"bridge{name}"
        for name in modules
        if not f"{name}.".startswith(HOSTS) and not is_there(name)
    ]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Within the repository."""
    links = LINK.findall(page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_each_step_of_the_walk_is_a_function_of_its_file() -> None:
    """The page is a map of the code as it is."""
    steps = STEP.findall((ROOT / "docs" / "walk.md").read_text())

    missing = [
        (name, function)
        for name, function in steps
        if function not in functions(BRIDGE / name)
    ]

    assert len(steps) > 20
    assert missing == []


def test_each_decision_has_a_number_of_its_own() -> None:
    """By which other pages name it."""
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").iterdir()]

    assert sorted(numbers) == sorted(set(numbers))
