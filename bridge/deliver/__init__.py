"""Loop B: queue → sink. The sink judges an attempt, this loop acts on it.

For each sink on its own, so that none waits for another::

    gate, pace ──▶ lease ──▶ jobs ──▶ `concurrency` workers ──▶ outcomes ──▶ settle
    (gate, breaker, (loop)   (jobs)   (sender; turns, pace,     (policy,    (recorder)
     pace, turns)                      slots)                    schedule,
                                                                 forward)

Whether a sink may be tried is a state machine, drawn in `gate`.
"""

from bridge.deliver.breaker import BreakerLimits
from bridge.deliver.forward import DeadLetterSink
from bridge.deliver.loop import SinkDelivery
from bridge.deliver.policy import RetryPolicy
from bridge.deliver.schedule import Counted, Jittered, Schedule
from bridge.deliver.slots import Slots

__all__ = [
    "BreakerLimits",
    "Counted",
    "DeadLetterSink",
    "Jittered",
    "RetryPolicy",
    "Schedule",
    "SinkDelivery",
    "Slots",
]
