"""kubebridge: Kubernetes changes as CloudEvents to any webhook, at least once.

The folders are the path of an event, in order:

1. ``cluster``  READ     API server → Change
2. ``events``   CONVERT  Change → CloudEvent
3. ``filters``  CHOOSE   CloudEvent → the sinks that want it
4. ``queue``    KEEP     event, deliveries and cursor in one commit
5. ``sinks``    SEND     one attempt to deliver

``ingest`` drives 1-4, ``deliver`` drives 4-5. ``operate`` is for operators: find,
replay, backfill, probe, doctor; ``api`` and ``cli`` show it. ``config`` reads the
document, and ``app`` runs the process. ``journal`` keeps attempts, and ``templates``
evaluates expressions. ``settings``, ``net``, ``files``, ``text`` and ``metrics`` are
the ground floor; ``demo`` plays a cluster and its receivers.
"""

__version__ = "0.1.0"
