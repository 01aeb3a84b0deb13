"""An independent receiver, the CloudEvents SDK for JavaScript, reads what we send.

Skipped with a reason where Node or the package cannot be had. What version 10.0.0 does
otherwise than the specification asks is worked around here:

- it does not percent-decode header values;
- it cuts `time` to milliseconds and invents one where there is none;
- it leaves data under text/json a text;
- in binary mode integers and Booleans stay text (allowed: HTTP binding 3.1.3).
"""

import base64
import json
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bridge.events import CloudEvent
from bridge.events.convert import convert
from bridge.events.encode import BATCH_TYPE, STRUCTURED_TYPE, batch, binary, encode
from bridge.events.origin import Origin
from bridge.events.rules import canonical
from tests.unit.events import strategies
from tests.unit.events.samples import RECORDED_TIME, watched

PACKAGE = "cloudevents@10.0.0"
pytestmark = pytest.mark.timeout(120)

# Each example starts a process, so few with many events, and no shrinking.
ONE_GO = settings(
    max_examples=2,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
REAL = [
    convert(change, origin=Origin(cluster="prod"), recorded=RECORDED_TIME)
    for file in ("events-core", "events-new")
    for change in watched(file).values()
]
many_events = st.lists(strategies.events(strategies.objects), min_size=20, max_size=40)


def install(folder: Path) -> str:
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


@pytest.fixture(scope="session")
def modules(request: pytest.FixtureRequest) -> Path:
    """Install the package once, into pytest's cache."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed: no JavaScript receiver to ask")
    folder = request.config.cache.mkdir("javascript-receiver")
    if not (folder / "node_modules" / "cloudevents").is_dir():
        problem = install(folder)
        if problem:
            pytest.skip(f"npm could not install {PACKAGE}: {problem}")
    return folder / "node_modules"


def receive(messages: list[tuple[Any, bytes]], modules: Path) -> list[Any]:
    """Return what the receiver found in each message."""
    wire = [
        {
            "headers": {name.decode(): value.decode() for name, value in headers},
            "body": base64.b64encode(body).decode(),
        }
        for headers, body in messages
    ]
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("receiver.cjs"))],
        input=json.dumps(wire).encode(),
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    return json.loads(done.stdout)


def milliseconds(time: str) -> str:
    """Return the time as JavaScript writes it."""
    return datetime.fromisoformat(time).isoformat(timespec="milliseconds")[:23] + "Z"


def sent(event: CloudEvent, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the receiver should have found."""
    time = milliseconds(event.time) if event.time else found["time"]
    data = {} if event.data is None else {"data": json.loads(event.data)}
    return {**event.attributes(), **data, "time": time}


@ONE_GO
@given(many_events)
def test_receiver_reads_structured_events(modules, events):
    """Attributes, types and data arrive as they were."""
    headers = [(b"content-type", STRUCTURED_TYPE)]
    messages = [(headers, encode(event).body) for event in [*REAL, *events]]

    answers = receive(messages, modules)

    for event, [found] in zip([*REAL, *events], answers, strict=True):
        assert found == sent(event, found)


def as_text(attributes: dict[str, Any]) -> dict[str, str]:
    """Return attributes as headers carry them."""
    return {name: canonical(value) for name, value in attributes.items()}


@ONE_GO
@given(many_events)
def test_receiver_reads_binary_events(modules, events):
    """Attributes arrive as text, once decoded, and data as they were."""
    with_data = [event for event in [*REAL, *events] if event.data is not None]

    answers = receive([binary(encode(event)) for event in with_data], modules)

    for event, [found] in zip(with_data, answers, strict=True):
        data = found.pop("data")
        expected = {"datacontenttype": "application/json", **sent(event, found)}
        assert expected.pop("data") == (
            json.loads(data) if isinstance(data, str) else data
        )
        decoded = {name: unquote(text) for name, text in as_text(found).items()}
        assert decoded == as_text(expected)


@ONE_GO
@given(many_events)
def test_receiver_reads_batches(modules, events):
    """All events of a batch arrive, in order."""
    body = batch([encode(event) for event in [*REAL, *events]])

    [answer] = receive([([(b"content-type", BATCH_TYPE)], body)], modules)

    for event, found in zip([*REAL, *events], answer, strict=True):
        assert found == sent(event, found)


def test_real_events_need_no_decoding(modules):
    """Receivers that do not percent-decode find the same (cloudevents 9)."""
    answers = receive([binary(encode(event)) for event in REAL], modules)

    for event, [found] in zip(REAL, answers, strict=True):
        assert found["subject"] == event.subject
        assert found["reason"] == event.extensions["reason"]
