"""Loop A: cluster → events → filters → queue.

One reader for each scope::

    list_and_watch ──▶ buffer ──▶ plan ──▶ queue.put(entries, cursor)
       (reader.py)    (buffer.py) (plan.py)

The buffer lets the next page be read while the last one is stored. One put at a time is
in flight, and bookmarks pass through the same buffer, so no cursor overtakes an event.
"""

from bridge.ingest.plan import Planner, Profile, Source
from bridge.ingest.reader import Reader, Watch
from bridge.ingest.scopes import adopt_scopes, check_identity

__all__ = [
    "Planner",
    "Profile",
    "Reader",
    "Source",
    "Watch",
    "adopt_scopes",
    "check_identity",
]
