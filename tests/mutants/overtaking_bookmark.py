"""A bridge whose cursor runs ahead of the events that it stands for."""

import sys
from collections.abc import Sequence

from bridge.__main__ import main

import bridge.ingest.reader
from bridge.cluster import Item
from bridge.ingest.plan import Plan, Planner


class Overtaking(Planner):
    """Moves the cursor over items that still wait in memory."""

    _held: Sequence[Item] = ()

    def plan(self, items: Sequence[Item]) -> Plan:
        """Hold the last item back, and lose it when the kill comes."""
        waiting = [*self._held, *items]
        ahead = super().plan(waiting[-1:]).to
        self._held = waiting[-1:]
        plan = super().plan(waiting[:-1])
        plan.to = self._cursor = ahead
        return plan


if __name__ == "__main__":
    bridge.ingest.reader.Planner = Overtaking  # type: ignore[misc]
    sys.exit(main())
