"""What a process that runs the bridge does not import."""

import ast
import subprocess
import sys

LATER = {
    "bridge.cli": "the verbs import what they need, not the other way round",
    "bridge.demo": "for `kubebridge demo` alone",
    "cloudevents": "for the edges alone, see events/sdk.py",
    "fastapi": "for requests beyond probes and metrics",
    "cryptography": "for ed25519 signatures alone",
    "kubernetes_asyncio": "its models are 850 modules; see cluster/session/library.py",
    "minijinja": "for sinks with a template and filters with an expression alone",
    "re2": "for filters with a regular expression alone",
    "typer": "for the command line alone",
    "uvloop": "for the loop alone, when it is installed",
}
"""Modules that are large, or another part's, and why they are not needed at once."""


def test_the_process_imports_nothing_large_that_only_some_need():
    """Memory and time at the start: a module comes when it is first used."""
    program = "import sys, bridge.app; print(sorted(sys.modules))"
    printed = subprocess.check_output([sys.executable, "-c", program], text=True)
    loaded = {name for name in LATER if name in ast.literal_eval(printed)}

    assert {name: LATER[name] for name in loaded} == {}


def test_models_read_no_source_when_they_are_made():
    """Docstrings of fields are for schemas, which few processes show.

    The models of queries are the exception.
    """
    program = (
        "import inspect\n"
        "read = []\n"
        "inspect.findsource = lambda one: read.append(one) or ([], 0)\n"
        "import bridge.config\n"
        "print(len(read))"
    )

    assert subprocess.check_output([sys.executable, "-c", program]) == b"0\n"
