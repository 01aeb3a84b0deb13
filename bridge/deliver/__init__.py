"""Loop B: queue → sink. The sink judges an attempt, this loop acts on it.

For each sink on its own, so that none waits for another::

    gate, pace ──▶ lease ──▶ jobs ──▶ `concurrency` workers ──▶ outcomes ──▶ settle
    (gate, breaker, (loop)   (jobs)   (sender; turns, pace,     (policy,    (recorder)
     pace, turns)                      slots)                    schedule,
                                                                 forward)

Whether a sink may be tried is a state machine, drawn in `gate`.
"""

from bridge.deliver.limits import FairSlots
from bridge.deliver.outcomes import DeadLetterSink, RetryPolicy
from bridge.deliver.sender import Sender

__all__ = ["DeadLetterSink", "FairSlots", "RetryPolicy", "Sender"]
