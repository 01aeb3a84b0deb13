"""A bridge that takes an event for delivered once it is on its way."""

import sys
from collections.abc import Sequence

import bridge.app.serve
from bridge.__main__ import main
from bridge.deliver import SinkDelivery
from bridge.queue import Delivered, Lease


class GoneBeforeAnswer(SinkDelivery):
    """Does not wait for the 2xx."""

    async def _attempt(self, leases: Sequence[Lease]) -> None:
        """Lose what is under way when the kill comes."""
        outcomes = [Delivered(lease=lease) for lease in leases]
        await self._queue.settle(outcomes)
        await super()._attempt(leases)


if __name__ == "__main__":
    bridge.app.serve.SinkDelivery = GoneBeforeAnswer  # type: ignore[misc]
    sys.exit(main())
