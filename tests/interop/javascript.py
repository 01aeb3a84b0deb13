"""The CloudEvents SDK for JavaScript: how to get it, and where it is peculiar.

What version 10.0.0 does otherwise than the specification asks:

- it does not percent-decode header values;
- it cuts `time` to milliseconds and invents one where there is none;
- it leaves data under text/json a text;
- in binary mode integers and Booleans stay text (allowed: HTTP binding 3.1.3).
"""

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bridge.events import CloudEvent
from tests.conformance.reader import written

PACKAGE = "cloudevents@10.0.0"
HERE = Path(__file__).parent


def find_modules(folder: Path) -> Path:
    """Return where the package is; install it into the folder, or skip the test."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed: no JavaScript receiver to ask")
    if not (folder / "node_modules" / "cloudevents").is_dir():
        problem = _install(folder)
        if problem:
            pytest.skip(f"npm could not install {PACKAGE}: {problem}")
    return folder / "node_modules"


def _install(folder: Path) -> str:
    """Install the package into a folder; return why not, or nothing."""
    options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
    patience = ["--fetch-retries=1", "--fetch-timeout=20000"]
    command = ["npm", "install", *options, *patience, "--prefix", str(folder), PACKAGE]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=90)
    except subprocess.TimeoutExpired:
        return "it took more than 90 s"
    except subprocess.CalledProcessError as error:
        return error.stderr.decode(errors="replace")[-200:].strip()
    return ""


def assert_same(event: CloudEvent, found: dict[str, Any]) -> None:
    """Compare an event with what the SDK found in structured mode or in a batch."""
    assert found == _sent(event, found)


def assert_same_text(event: CloudEvent, found: dict[str, Any]) -> None:
    """Compare an event with what the SDK found in binary mode."""
    rest = dict(found)
    data = rest.pop("data")
    expected = {"datacontenttype": "application/json", **_sent(event, found)}
    assert expected.pop("data") == (json.loads(data) if _is_text(data) else data)
    decoded = {name: unquote(text) for name, text in _as_text(rest).items()}
    assert decoded == _as_text(expected)


def _is_text(data: object) -> bool:
    return isinstance(data, str)


def _milliseconds(time: str) -> str:
    """Return the time as JavaScript writes it."""
    return datetime.fromisoformat(time).isoformat(timespec="milliseconds")[:23] + "Z"


def _sent(event: CloudEvent, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the receiver should have found."""
    time = _milliseconds(event.time) if event.time else found["time"]
    data = {} if event.data is None else {"data": json.loads(event.data)}
    return {**event.attributes(), **data, "time": time}


def _as_text(attributes: dict[str, Any]) -> dict[str, str]:
    """Return attributes as headers carry them."""
    return {name: written(value) for name, value in attributes.items()}
