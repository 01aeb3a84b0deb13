"""What an operator says of a sink's answers: the model of `outcomes`."""

from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from bridge.settings.model import Model, fault, mismatch
from bridge.settings.values import Count, each_once

_CLASSES = ("3xx", "4xx", "5xx")


def _failing(status: object) -> object:
    is_class = isinstance(status, str) and status in _CLASSES
    if is_class or (type(status) is int and 300 <= status <= 599):
        return status
    raise mismatch("expected 3xx, 4xx, 5xx or a status from 300 to 599")


Status = Annotated[
    int | str,
    BeforeValidator(_failing),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 300, "maximum": 599},
                {"enum": list(_CLASSES)},
            ]
        }
    ),
]
"""A status such as 409, or all of a class: `4xx`. A status wins over its class. 2xx is
always a success."""

Statuses = Annotated[tuple[Status, ...], AfterValidator(each_once)]


class OutcomesConfig(Model):
    """What statuses mean to this sink, where it is not what they usually mean."""

    success: Statuses = ()
    """The event counts as delivered, such as 409 where it means 'I have it
    already'."""

    retry: Statuses = ()
    """It is tried again as `retry` says, however often: 404 then never pauses, 409
    has no limit of its own. 429 and 503 still hold back the whole sink."""

    dead_letter: Statuses = ()
    """The event becomes a dead letter at once; the sink is never paused for it. A
    batch is halved until the event stands alone."""

    pause: Statuses = ()
    """The sink is paused and keeps everything; its oldest event is tried once a
    minute. 410 then does not wait for an operator."""

    error_attempts: Count | None = None
    """Most attempts for an event that is answered 500; then it becomes a dead
    letter, so that it stops no ordered sink for ever. null: no limit but that of
    `retry`; with `knative: true` the default is 10."""

    @model_validator(mode="after")
    def _says_one_thing_of_each(self) -> Self:
        said: dict[int | str, str] = {}
        for word in ("success", "retry", "dead_letter", "pause"):
            for status in getattr(self, word):
                if status in said:
                    both = f"{said[status]} and {to_camel(word)}"
                    raise fault(f"expected each status once, got {status} in {both}")
                said[status] = to_camel(word)
        return self
