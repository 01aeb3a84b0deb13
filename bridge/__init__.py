"""kubebridge: Kubernetes changes as CloudEvents to any webhook, at least once.

The folders are the path of an event, in order:

1. ``cluster``  READ     API server → Change
2. ``events``   CONVERT  Change → CloudEvent
3. ``filters``  CHOOSE   CloudEvent → the sinks that want it
4. ``queue``    KEEP     event, deliveries and cursor in one commit
5. ``sinks``    SEND     one attempt to deliver

``ingest.py`` drives 1-4, ``deliver.py`` drives 4-5, ``app.py`` puts both together.
"""

__version__ = "0.1.0"
