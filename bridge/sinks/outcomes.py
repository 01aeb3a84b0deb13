"""What a status means: ours for each, and what an operator says otherwise.

======================  =======================================================
2xx                     delivered
400, 422, other 4xx     the event is refused for good; 20 events running pause
401 403 405 407         paused: somebody has to mend something
404                     tried again for 10 minutes, then paused
408 421 425, 5xx        tried again
409                     tried again, 5 attempts in all
410                     stopped: the receiver is retired, an operator has to resume
413                     too large: a batch is halved, one event is refused
415                     refused if another event was taken in this form, else paused
429, 503                tried again, not before Retry-After, nor is any other event
501 505, 3xx            paused; redirects are never followed
======================  =======================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Literal


class Verdict(Enum):
    """What a status means, as far as it alone can say."""

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
"""What may be otherwise in a while, whoever answers it."""

Word = Literal["success", "retry", "dead_letter", "pause"]
"""What an operator may say of a status."""

_BY_WORD: Mapping[Word, Verdict] = {
    "success": Verdict.TAKEN,
    "retry": Verdict.RETRY,
    "dead_letter": Verdict.DEAD_LETTER,
    "pause": Verdict.PAUSE,
}


def verdict(status: int) -> Verdict:
    """Return what a status means unless an operator says otherwise."""
    by_class = _BY_CLASS.get(status // 100, Verdict.NOT_HTTP)
    return _BY_STATUS.get(status, by_class)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What statuses mean to one sink.

    Attributes:
        words: What the operator says of a status, or of a class: ``4`` are all 4xx. A
            status wins over its class.
        error_attempts: Most attempts for an event that is answered 500; None: as for
            any other.
    """

    words: Mapping[int, Word] = field(default_factory=lambda: MappingProxyType({}))
    error_attempts: int | None = None

    def verdict(self, status: int) -> Verdict:
        """Return what a status means to this sink."""
        usual = verdict(status)
        if usual is Verdict.TAKEN or not self.words:
            return usual
        word = self.words.get(status) or self.words.get(status // 100)
        if word is None or (word == "retry" and usual is Verdict.WAIT):
            return usual  # to wait is how 429 and 503 are tried again
        return _BY_WORD[word]

    def most_attempts(self, status: int) -> int | None:
        """Return how often an event may be answered so; None: the policy says."""
        return self.error_attempts if status == 500 else None
