"""The composition root: a Config becomes a running process.

``parts.py`` translates, ``reading.py`` starts the readers once the cluster is known,
``server.py`` answers probes and the API, ``process.py`` nests them all::

    queue ▸ api ▸ deliver ▸ ingest ▸ wait for stop
"""

from bridge.app.process import main

__all__ = ["main"]
