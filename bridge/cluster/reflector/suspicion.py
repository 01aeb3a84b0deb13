"""What watches from one version say, until it is said often enough to be believed."""

from collections import Counter
from typing import Literal

Word = Literal["empty", "expired", "unreadable"]
"""A watch ended at once with nothing in it; history is gone; something in it cannot be
read."""

Suspicion = Literal["none"] | Word
"""What is believed."""

_TIMES: dict[Word, int] = {
    # Some control planes end an expired watch instead of answering 410
    # (kubernetes/kubernetes#137089); a server that restarts does so too.
    "empty": 2,
    # At first the probe is asked whether it is so. A watch cache forgets sooner than
    # etcd, so that the history may be listed and yet not be watched.
    "expired": 2,
    # An object that cannot be decoded is there for ever, trouble with etcd is not.
    "unreadable": 3,
}


class Evidence:
    """Counts what was said of the same version."""

    def __init__(self) -> None:
        """Start without a suspicion."""
        self._version = ""
        self._times: Counter[Word] = Counter()

    def add(self, word: Word, *, version: str) -> Suspicion:
        """Return the word if it was said often enough of this version, else none."""
        if version != self._version:
            self.clear()
        self._version = version
        self._times[word] += 1
        if self._times[word] < _TIMES[word]:
            return "none"
        self._times[word] = 0
        return word

    def clear(self) -> None:
        """Forget it all: a watch ended well."""
        self._times.clear()
