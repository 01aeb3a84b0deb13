"""Settings of noise control: keys of an item of `routes` of the configuration."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from bridge.errors import FilterError, TemplateError
from bridge.filters.reading import text_reader
from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.units import PositiveDuration
from bridge.settings.values import Count
from bridge.templates import Expression

_KEY = "a list of attributes such as [uid, reason], or an expression"


def _check_key(value: object) -> object:
    try:
        match value:
            case str():
                Expression(value)
            case list() | tuple():
                value = tuple(value)
                for name in value:
                    text_reader(name, ())
            case None:
                pass
            case _:
                raise mismatch(f"expected {_KEY}")
    except (FilterError, TemplateError) as error:
        raise fault(str(error)) from None
    return value


Key = Annotated[
    Any,
    BeforeValidator(_check_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "string"},
                {"type": "null"},
            ],
        }
    ),
]
"""Names of attributes and places in `data` (a tuple), an expression (a text), or None:
source, uid (else subject) and reason."""


class DedupConfig(Model):
    """Lets the first event of a key through and holds back its repeats."""

    key: Key = None
    """Attributes and places in `data`, e.g. `[namespace, reason]`, or an expression:
    events for which all of them are the same are repeats of each other; null: source,
    uid (where there is none, subject) and reason."""

    window: PositiveDuration = written("10m")
    """How long after the first event its repeats are held back; then the next one goes
    through and begins a new window."""


class ThrottleConfig(Model):
    """Lets a number of events of a key through in each window."""

    count: Count
    """How many events of a key go through in a window."""

    window: PositiveDuration = written("1m")
    """How long a window is; it begins with the first event of its key."""

    key: Key = None
    """As of `dedup`; `[]`: all events of the route share one window."""
