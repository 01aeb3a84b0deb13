"""The composition root: a Config becomes a running process.

``process`` has the signals and exit codes, ``lives`` the reloads. A life (``serve``) is
one configuration at work; ``stores`` holds what outlives it::

    queue ▸ journal ▸ api ▸ senders ▸ readers ▸ wait for stop
"""

from bridge.app.process import main

__all__ = ["main"]
