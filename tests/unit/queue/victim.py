"""A process that lives the life of `lives`, says what it promises, and is killed."""

import asyncio
import sys
from pathlib import Path

from tests.unit.queue.lives import Ledger, live
from tests.unit.queue.samples import QueueFile


def tell(line: str) -> None:
    """Promise something to the parent."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    """Live once, and stay."""
    async with QueueFile(path=Path(sys.argv[1])).open() as queue:
        await live(queue, Ledger(), tell)
        tell("done")
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main())
