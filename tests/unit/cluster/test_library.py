"""kubernetes_asyncio without its models, and whole for whoever else wants it."""

import subprocess
import sys

import pytest

LIBRARY = "bridge.cluster.session.library"

ANOTHER_LAYOUT = f"""
import importlib.util
real = importlib.util.find_spec
def find(name, package=None):
    return None if name == "kubernetes_asyncio.client.models" else real(name, package)
importlib.util.find_spec = find
import sys, {LIBRARY} as b
c = sys.modules["kubernetes_asyncio.client"]
"""


def run(program: str) -> str:
    """Run a program in a process of its own, and return what it printed."""
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_models_are_not_imported():
    """Nor the APIs, nor anything else of it under its own name."""
    found = "sorted(n for n in sys.modules if n.startswith('kubernetes_asyncio'))"

    assert run(f"import sys, {LIBRARY}; print({found})") == "[]"


@pytest.mark.parametrize(
    "use",
    [
        "from kubernetes_asyncio.client import V1Pod as found",
        "from kubernetes_asyncio.client.models.v1_pod import V1Pod as found",
        "import kubernetes_asyncio.dynamic as found",
        "from kubernetes_asyncio.config import load_kube_config as found",
    ],
)
def test_whoever_imports_the_rest_later_gets_it(use):
    """However it is imported, after the bridge was."""
    assert run(f"import {LIBRARY}\n{use}\nprint(bool(found))") == "True"


def test_a_program_that_imported_all_before_shares_its_classes():
    """Nothing is imported twice then, and nothing of it is taken away."""
    printed = run(
        f"import sys, kubernetes_asyncio.client as c, {LIBRARY} as b\n"
        "print(c.Configuration is b.Configuration, c.ApiClient is b.ApiClient,"
        " sys.modules['kubernetes_asyncio.client'] is c, c.V1Pod().kind)"
    )

    assert printed == "True True True None"


def test_another_layout_is_imported_as_it_comes():
    """A package that is not there is not made up: the ordinary import serves."""
    same = "print(c.Configuration is b.Configuration, c.ApiClient is b.ApiClient)"

    assert run(ANOTHER_LAYOUT + same) == "True True"
