"""Finds the routes that could take an event without asking each of thousands.

A route whose filter insists on texts of an attribute (``exact``) is asked only about
events that have one of them; of several attributes the one counts that fewest other
routes share.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from bridge.events import CloudEvent
from bridge.filters.reading import ReadText, text_reader

Asked = TypeVar("Asked")
Texts = Mapping[str, frozenset[str]]
"""Texts by the name of an attribute, of which an event must have one."""

_FEW: Final = 16
"""So many routes are asked faster than looked up."""


class ExactIndex(Generic[Asked]):
    """Some things, and what each of them insists on."""

    def __init__(self, entries: Iterable[tuple[Asked, Texts]]) -> None:
        """Take them in the order in which they are to be found.

        Args:
            entries: Each with what it insists on; empty: on nothing.
        """
        known = list(entries)
        self._all = tuple(one for one, _ in known)
        self._always: list[int] = []
        self._tables: dict[str, dict[str, list[int]]] = {}
        shared = Counter(
            (name, text)
            for _, texts in known
            for name, some in texts.items()
            for text in some
        )
        for place, (_, texts) in enumerate(known):
            self._enter(place, texts if len(known) > _FEW else {}, shared)
        self._readers: list[tuple[ReadText, dict[str, list[int]]]] = [
            (text_reader(name, ()), table) for name, table in self._tables.items()
        ]

    def of(self, event: CloudEvent) -> Sequence[Asked]:
        """Return those that could take an event, in their order."""
        if not self._readers:
            return self._all
        places = list(self._always)
        for read, table in self._readers:
            places += table.get(read(event) or "", ())
        return [self._all[place] for place in sorted(places)]

    def _enter(
        self, place: int, texts: Texts, shared: Mapping[tuple[str, str], int]
    ) -> None:
        if not texts:
            self._always.append(place)
            return
        name = min(texts, key=lambda name: _most(shared, name, texts[name]))
        table = self._tables.setdefault(name, {})
        for text in texts[name]:
            table.setdefault(text, []).append(place)


def _most(
    shared: Mapping[tuple[str, str], int], name: str, texts: frozenset[str]
) -> int:
    # No text at all: two parts of a filter contradict each other.
    return max((shared[name, text] for text in texts), default=0)
