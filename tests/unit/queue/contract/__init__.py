"""What every `Queue` promises; each implementation runs it.

A suite derives from `QueueContract` and gives the fixture `open_queue`: each call opens
the same store anew, on a real clock.
"""

from tests.unit.queue.contract.base import Opener
from tests.unit.queue.contract.deliveries import Deliveries
from tests.unit.queue.contract.looking import Looking
from tests.unit.queue.contract.memory import Remembering
from tests.unit.queue.contract.outcomes import Ordered, Outcomes
from tests.unit.queue.contract.paging import Paging
from tests.unit.queue.contract.puts import Puts

__all__ = ["Opener", "Ordered", "QueueContract", "Remembering"]


class QueueContract(Puts, Remembering, Deliveries, Ordered, Outcomes, Looking, Paging):
    """The whole of it."""
