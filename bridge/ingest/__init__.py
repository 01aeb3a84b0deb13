"""Loop A: cluster → events → filters → queue.

One reader for each scope::

    Reflector ──▶ buffer ──▶ plan ──▶ queue.put(entries, cursor)
    (cluster)   (buffer.py) (plan.py)
                               │
     sources ▸ comparison ▸ enrichment ▸ convert ▸ accept
                        (entries.py)

The buffer lets the next page be read while the last one is stored. One put at a time is
in flight, and bookmarks pass through the same buffer, so no cursor overtakes an event.
What has to wait for an answer is held; the cursor moves over the contiguous prefix.
"""

from bridge.ingest.accept import Acceptor, EventForm
from bridge.ingest.enrichment import Enrichment
from bridge.ingest.entries import Conversion
from bridge.ingest.reader import BuildReflector, ScopeReader
from bridge.ingest.source import CHANGES, Source

__all__ = [
    "CHANGES",
    "Acceptor",
    "BuildReflector",
    "Conversion",
    "Enrichment",
    "EventForm",
    "ScopeReader",
    "Source",
]
