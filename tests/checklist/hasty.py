"""A bridge that may be told to resync every second."""

import sys

import bridge.ingest.settings
from bridge.__main__ import main

if __name__ == "__main__":
    bridge.ingest.settings._SHORTEST_RESYNC = 1.0
    sys.exit(main())
