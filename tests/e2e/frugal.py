"""A bridge that may open few files: `python -m tests.e2e.frugal run -c …`."""

import resource
import sys

from bridge.__main__ import main

FILES = 512

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES // 2, FILES))
    sys.exit(main())
