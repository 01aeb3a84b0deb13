"""Loop B: queue → sink. The sink judges each event, this loop acts on its judgement.

The supervisor runs one sender for each sink, so that none waits for another::

    gate, limits ──▶ lease ────▶ batches ──▶ attempts ──▶ outcomes ──▶ settle
                     (sender)    (Batcher)   (workers)    (RetryPolicy,
                                                           OutcomeRecorder)

Whether a sink may be tried is a state machine, drawn in `gate`.
"""

from bridge.deliver.limits import FairSlots
from bridge.deliver.outcomes import DeadLetterSink, RetryPolicy
from bridge.deliver.sender import Sender

__all__ = ["DeadLetterSink", "FairSlots", "RetryPolicy", "Sender"]
