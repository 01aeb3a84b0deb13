"""The CloudEvents SDK for Go, as Knative's receivers use it, behind a little server.

What version 2.16 does otherwise than the specification asks: it does not
percent-decode header values, and knows no batches (it refuses them).
"""

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bridge.events import CloudEvent
from tests.conformance.reader import written
from tests.interop.samples import data_of

SOURCE = Path(__file__).parent / "go"


def build_receiver(folder: Path) -> Path:
    """Build the server into a folder and return its path, or skip the test."""
    if not (go := shutil.which("go")):
        pytest.skip("go is not installed: no Go receiver to ask")
    path = folder / "receiver"
    command = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(path), "."]
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(
        command, cwd=SOURCE, env=environment, capture_output=True, check=False
    )
    if done.returncode:
        why = done.stderr.decode(errors="replace")[-200:].strip()
        pytest.skip(f"go could not build the receiver: {why}")
    return path


def assert_same(
    event: CloudEvent, found: dict[str, Any], *, is_encoded: bool = False
) -> None:
    """Compare an event with what the SDK found; in binary mode it is encoded still."""
    rest = {name: written(value) for name, value in found.items() if name != "data"}
    if is_encoded:
        rest = {name: unquote(value) for name, value in rest.items()}
    wanted = event.attributes()
    wanted.setdefault("datacontenttype", rest.get("datacontenttype", ""))
    time = wanted.pop("time", None)
    assert _instant(rest.pop("time", None)) == _instant(time)
    assert rest == {name: written(value) for name, value in wanted.items()}
    assert found.get("data") == data_of(event)


def _instant(time: Any) -> datetime | None:
    return time and datetime.fromisoformat(time)
