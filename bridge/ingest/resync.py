"""From time to time all that is known becomes events again, for those who ask for it.

Nothing is listed for it: what is replayed is what was stored (as client-go's resync).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bridge.cluster import BATCH_LIMIT, ObjectMeta


@dataclass(frozen=True, slots=True, kw_only=True)
class ResyncItem:
    """One object is to become an event again, as it is known when this is planned.

    Attributes:
        source: Name of the source that asks for it.
        number: The how manyth resync of that source, from 1; part of ids.
        key: Key of the object; None: the resync is complete.
    """

    source: str
    number: int
    key: str | None


def resync_items(
    source: str, number: int, store: Iterable[ObjectMeta]
) -> Iterator[list[ResyncItem]]:
    """Yield batches for all that is known now, and at last the word that it is all."""
    keys = iter([known.key for known in store])
    while batch := list(islice(keys, BATCH_LIMIT)):
        yield [ResyncItem(source=source, number=number, key=key) for key in batch]
    yield [ResyncItem(source=source, number=number, key=None)]
