"""Build receivers from their Go modules, once per machine.

Run as `python -m tests.receivers.build`, or `make receivers`. Versions are pinned by
the go.mod and go.sum of each folder in `go/`; tests that need a receiver that is not
there are skipped and say so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.controlplane.build import cache_folder

SOURCES = {
    "victorialogs": "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs",
    "alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager",
}
"""Name of the binary, and of the folder in `go/` that pins it → Go package."""


def binary(name: str) -> Path:
    """Return where the binary of a receiver is, or will be."""
    return cache_folder() / "receivers" / name


def main() -> int:
    """Build what is missing; exit code 2 when there is no Go."""
    missing = [name for name in SOURCES if not binary(name).is_file()]
    go = shutil.which("go")
    if missing and not go:
        sys.stdout.write(f"go: not found; it builds {', '.join(missing)}\n")
        return 2
    for name in missing:
        target = binary(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{name}.{os.getpid()}")
        subprocess.run(
            [go or "go", "build", "-trimpath", "-o", str(unfinished), SOURCES[name]],
            cwd=Path(__file__).parent / "go" / name,
            env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"},
            check=True,
        )
        unfinished.rename(target)  # a binary under its own name is a whole one
    sys.stdout.write(f"The receivers' binaries are in {binary('').parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
