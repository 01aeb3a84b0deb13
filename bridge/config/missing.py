"""What a configuration names and this machine does not have: files and variables.

It is looked for only where a person asks (`validate`, `doctor`): the machine that
checks a configuration need not be the one that runs it, and a file may come later.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.config.models import Config, QueueConfig
from bridge.settings.model import Model
from bridge.sinks.secrets import SecretConfig
from bridge.text.escaping import one_line


def find_missing(config: Config, env: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each file that cannot be read and each variable that is not set.

    Args:
        config: The configuration.
        env: The environment.
    """
    for trail, value in _places(config, ""):
        problem = ""
        if isinstance(value, Path):
            problem = _problem(value)
        elif value.env and not env.get(value.env):
            problem = f"variable {value.env} is not set, or empty"
        if problem:
            yield one_line(f"{trail}: {problem}")


def _places(value: Any, trail: str) -> Iterator[tuple[str, Path | SecretConfig]]:
    """Yield what leads out of the document, with its key."""
    if isinstance(value, Path | SecretConfig):
        yield trail, value
    for step, inner in _parts(value):
        yield from _places(inner, f"{trail}{step}".removeprefix("."))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case QueueConfig():
            return  # its files are made
        case Model():
            for name, field in type(value).model_fields.items():
                yield f".{field.alias or name}", getattr(value, name)
        case dict():
            yield from ((f".{key}", one) for key, one in value.items())
        case tuple():
            yield from ((f"[{index}]", one) for index, one in enumerate(value))
        case _:
            return


def _problem(path: Path) -> str:
    """Return why a file cannot be read; it is not opened, for it may be a pipe."""
    try:
        path.stat()
    except FileNotFoundError:
        return f"no such file: {path}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"cannot be read: {path}: {reason.lower()}"
    return "" if os.access(path, os.R_OK) else f"not allowed to read {path}"
