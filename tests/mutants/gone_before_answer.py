"""A bridge that takes an event for delivered once it is on its way."""

import asyncio
import sys

import bridge.deliver.sender
from bridge.__main__ import main
from bridge.deliver.attempts import AttemptRunner
from bridge.deliver.batches import Batch
from bridge.queue import Delivered


class GoneBeforeAnswer(AttemptRunner):
    """Does not wait for the 2xx."""

    async def attempt(self, job: Batch) -> bool:
        """Lose what is under way when the kill comes."""
        outcomes = [Delivered(lease=lease) for lease in job.leases]
        await self._outcome_recorder._queue.settle(outcomes)
        await asyncio.sleep(0.02)  # or nearly every kill would fall before or after it
        return await super().attempt(job)


if __name__ == "__main__":
    bridge.deliver.sender.AttemptRunner = GoneBeforeAnswer  # type: ignore[misc]
    sys.exit(main())
