"""Loop B: queue → sink. The sink judges an attempt, this loop acts on it.

For each sink on its own, so that none waits for another::

    lease ──▶ jobs ──▶ `concurrency` workers ──▶ outcomes ──▶ settle
             (loop.py)        (policy.py)       (recorder.py)

and three states (gate.py)::

              SinkPausedError                 asked for a rest (Retry-After)
    paused ◀────────────────── open ──────────────────────▶ waiting
       │                        ▲ ▲                             │
       └── 2xx to the oldest ───┘ └──────── its time is over ───┘
"""

from bridge.deliver.loop import SinkDelivery
from bridge.deliver.policy import RetryPolicy

__all__ = ["RetryPolicy", "SinkDelivery"]
