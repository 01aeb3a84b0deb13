"""Statuses of HTTP: their usual meaning, and the one an operator gives them."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from bridge.settings.model import Model, fault, mismatch
from bridge.settings.values import Count, each_once


class Verdict(Enum):
    """The meaning of a status by itself."""

    TAKEN = auto()
    RETRY = auto()
    WAIT = auto()
    CONFLICT = auto()
    MISSING = auto()
    REFUSED = auto()
    DEAD_LETTER = auto()
    TOO_LARGE = auto()
    WRONG_FORM = auto()
    PAUSE = auto()
    RETIRED = auto()
    NOT_HTTP = auto()


_BY_STATUS = {
    401: Verdict.PAUSE,
    403: Verdict.PAUSE,
    404: Verdict.MISSING,
    405: Verdict.PAUSE,
    407: Verdict.PAUSE,
    408: Verdict.RETRY,
    409: Verdict.CONFLICT,
    410: Verdict.RETIRED,
    413: Verdict.TOO_LARGE,
    415: Verdict.WRONG_FORM,
    421: Verdict.RETRY,
    425: Verdict.RETRY,
    429: Verdict.WAIT,
    501: Verdict.PAUSE,
    503: Verdict.WAIT,
    505: Verdict.PAUSE,
}

_BY_CLASS = {
    2: Verdict.TAKEN,
    3: Verdict.PAUSE,
    4: Verdict.REFUSED,
    5: Verdict.RETRY,
}

TEMPORARY = frozenset({Verdict.RETRY, Verdict.WAIT, Verdict.CONFLICT, Verdict.NOT_HTTP})
"""Statuses that may change in a while, from sinks and token endpoints alike."""

StatusRule = Literal["success", "retry", "dead_letter", "pause"]
"""Meanings that an operator may give a status."""

_BY_WORD: Mapping[StatusRule, Verdict] = {
    "success": Verdict.TAKEN,
    "retry": Verdict.RETRY,
    "dead_letter": Verdict.DEAD_LETTER,
    "pause": Verdict.PAUSE,
}


def verdict(status: int) -> Verdict:
    """Return the usual meaning of a status."""
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, Verdict.NOT_HTTP)


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


class StatusRules:
    """Looks up what statuses mean to one sink."""

    def __init__(self, settings: OutcomesConfig) -> None:
        """Compile the operator's lists of statuses and classes; a status wins."""
        said: dict[StatusRule, Sequence[int | str]] = {
            "success": settings.success,
            "retry": settings.retry,
            "dead_letter": settings.dead_letter,
            "pause": settings.pause,
        }
        # A class stands under its first digit.
        self._words = {
            status if isinstance(status, int) else int(status[0]): word
            for word, statuses in said.items()
            for status in statuses
        }
        self._error_attempts = settings.error_attempts

    def verdict(self, status: int) -> Verdict:
        """Return the meaning of a status to this sink."""
        usual = verdict(status)
        if usual is Verdict.TAKEN or not self._words:
            return usual
        word = self._words.get(status) or self._words.get(status // 100)
        if word is None or (word == "retry" and usual is Verdict.WAIT):
            return usual  # to wait is how 429 and 503 are tried again
        return _BY_WORD[word]

    def most_attempts(self, status: int) -> int | None:
        """Return how often an event may be answered so; None: the policy says."""
        return self._error_attempts if status == 500 else None
