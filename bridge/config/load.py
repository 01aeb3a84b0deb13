"""A file, or a text, becomes a `Config`, or a list of all that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.config.checks import check_whole
from bridge.config.document import (
    ConfigDocument,
    Fault,
    show_value,
)
from bridge.config.environment import apply_environment
from bridge.config.mismatches import find_mismatches
from bridge.config.models import NOTE, Config
from bridge.config.text import MOST_BYTES, NotYamlError, decode_text, read_document
from bridge.errors import ConfigError
from bridge.files.reading import read_file
from bridge.settings.model import MISMATCH, MOST_FOUND
from bridge.sinks.formats.named import FORMAT_TAGS
from bridge.text.escaping import one_line

Check = Callable[[Config], Iterable[Fault]]
"""Finds faults of a configuration whose every value is right by itself."""

_NOT_KEYS = {
    *("<http>", "<stdout>", "<text>", "<secret>", "[key]"),
    *("<ours>", "<knative>", "<settings>", "<off>"),
    *FORMAT_TAGS,
}
"""Steps that pydantic adds to a location: tags of unions, and `this is a key`."""

_MOST_ITEMS = 10_000

_SECRET_KEYS = {"auth", "headers", "proxy", "token", "url"}


def load_config(
    path: Path | None, env: Mapping[str, str], *, check: Check | None = None
) -> Config:
    """Return the configuration in the file at `path`, with what `env` adds.

    Args:
        path: A YAML file in UTF-8; None: there is none. It may be missing when
            `K_SINK` is set, which is a configuration by itself.
        env: The environment.
        check: Finds further faults; None: nothing does.

    Raises:
        ConfigError: It cannot be used; one problem for each fault.
    """
    if path is None and not env.get("K_SINK"):
        raise ConfigError(["no configuration: expected a file (-c) or K_SINK"])
    if path is None or (env.get("K_SINK") and not path.exists()):
        return parse_config("", name="environment", env=env, check=check)
    return parse_config(_read(path), name=str(path), env=env, check=check)


def _read(path: Path) -> str:
    try:
        raw = read_file(path, most_bytes=MOST_BYTES)
        return decode_text(raw, name=str(path))
    except NotYamlError as error:
        raise ConfigError([str(error)]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = one_line(f"{path}: cannot be read: {reason.lower()}")
        raise ConfigError([problem]) from error


def find_problems(
    text: str, *, name: str, env: Mapping[str, str], check: Check | None = None
) -> tuple[str, ...]:
    """Return what `parse_config` would refuse, one line for each; empty: nothing."""
    try:
        parse_config(text, name=name, env=env, check=check)
    except ConfigError as error:
        return error.problems
    return ()


def parse_config(
    text: str, *, name: str, env: Mapping[str, str], check: Check | None = None
) -> Config:
    """Return the configuration in `text`, with the settings of `env`.

    Args:
        text: A YAML document.
        name: Path of its file, for messages; relative paths start at its folder.
        env: The environment.
        check: Finds further faults; None: nothing does.

    Raises:
        ConfigError: It cannot be used; one problem for each fault.
    """
    try:
        document = read_document(text, name=name)
    except NotYamlError as error:
        raise ConfigError([str(error)]) from error
    if document.data is None and not env.get("K_SINK"):
        problem = one_line(f"{name}:1:1: expected a configuration, got nothing")
        raise ConfigError([problem])
    if isinstance(document.data, dict):
        for key in [key for key in document.data if key.startswith(NOTE)]:
            del document.data[key]
    apply_environment(document, env)
    config = _validate(document, env)
    if check is not None and (faults := list(check(config))):
        raise ConfigError(document.lines(faults))
    config.keep_warnings(document.lines(islice(find_mismatches(config), MOST_FOUND)))
    return config


def _validate(document: ConfigDocument, env: Mapping[str, str]) -> Config:
    if crowds := list(_crowds(document.data)):
        raise ConfigError(document.lines(crowds))
    faults: list[Fault] = []
    config = None
    context = {"folder": Path(document.name).absolute().parent, "env": env}
    try:
        config = Config.model_validate(document.data, context=context)
    except ValidationError as error:
        faults.extend(_faults_of(error))
    if isinstance(document.data, dict):
        faults.extend(islice(check_whole(document.data, env), MOST_FOUND))
    if config is None or faults or document.faults:
        raise ConfigError(document.lines(_told_once(faults, document.faults)))
    return config


def _told_once(faults: list[Fault], unreadable: list[Fault]) -> list[Fault]:
    """Return the faults without those that follow from an unreadable part."""
    trails = {one.trail for one in unreadable if not one.at_key}
    return [*unreadable, *(one for one in faults if one.trail not in trails)]


def _crowds(data: Any) -> Iterator[Fault]:
    """Yield sections that are too large to be looked at."""
    for section in ("sources", "sinks", "routes", "tests"):
        items = data.get(section) if isinstance(data, dict) else None
        if isinstance(items, list) and len(items) > _MOST_ITEMS:
            message = f"expected at most {_MOST_ITEMS}, got {len(items)}"
            yield Fault(trail=(section,), message=message)


def _faults_of(error: ValidationError) -> Iterator[Fault]:
    for one in error.errors(include_url=False)[:MOST_FOUND]:
        trail = tuple(step for step in one["loc"] if step not in _NOT_KEYS)
        message = one["msg"]
        if one["type"] == MISMATCH:
            secret = bool(_SECRET_KEYS.intersection(trail))
            message += f", got {show_value(one['input'], secret=secret)}"
        at_key = "[key]" in one["loc"] or message.startswith("unknown key")
        yield Fault(trail=trail, message=message, at_key=at_key)
