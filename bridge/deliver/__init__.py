"""Loop B: queue → sink. The sink judges an attempt, this loop acts on it.

For each sink on its own, so that none waits for another::

    gate, pace ──▶ lease ──▶ jobs ──▶ `concurrency` workers ──▶ outcomes ──▶ settle
    (gate, breaker, (loop)   (jobs)   (sender; turns, pace,     (policy,    (recorder)
     pace, turns)                      slots)                    schedule,
                                                                 forward)

Whether a sink may be tried is a state machine, drawn in `gate`.
"""

from bridge.deliver.limits import FairSlots
from bridge.deliver.loop import SinkDelivery
from bridge.deliver.retry import DeadLetterSink, RetryPolicy

__all__ = ["DeadLetterSink", "FairSlots", "RetryPolicy", "SinkDelivery"]
