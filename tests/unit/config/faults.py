"""How a test asks what is wrong with a document."""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.config import find_problems

HOOK = "sinks: [{name: hook, url: https://example.com}]\n"
"""A whole configuration, to which a test adds."""

NOTHING: Mapping[str, str] = MappingProxyType({})


def faults(text: str, env: Mapping[str, str] = NOTHING) -> list[str]:
    """Return the problems of a document called bridge.yaml."""
    return list(find_problems(text, name="bridge.yaml", env=env))


def only_fault(text: str, env: Mapping[str, str] = NOTHING) -> str:
    """Return the one problem there is."""
    [fault] = faults(text, env)
    return fault
