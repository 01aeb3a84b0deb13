"""What VictoriaLogs and Alertmanager have stored is what a sink delivered."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.http.sink import HttpSink
from tests.controlplane.process import Server
from tests.ports import free_port
from tests.receivers.build import binary
from tests.unit.sinks.formats.samples import sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EVENTS = 100
QUERY = "/select/logsql/query"
MESSAGE = "_msg_field=data.message"


def started(name: str, folder: Path, *arguments: str, ready: str) -> Iterator[str]:
    """Run a receiver on a port of its own; yield its URL."""
    if not binary(name).is_file():
        pytest.skip(f"no {name} in {binary(name).parent}: run `make receivers`")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(binary(name)), *(one.format(port=port) for one in arguments)]
    server = Server(name=name, command=command, log=folder / "log")

    def is_ready() -> bool:
        try:
            return httpx.get(url + ready, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    server.start(is_ready)
    try:
        yield url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of VictoriaLogs."""
    folder = tmp_path_factory.mktemp("logs")
    yield from started(
        "victorialogs",
        folder,
        f"-storageDataPath={folder}",
        "-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        ready="/health",
    )


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of Alertmanager."""
    folder = tmp_path_factory.mktemp("alerts")
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    yield from started(
        "alertmanager",
        folder,
        f"--config.file={config}",
        f"--storage.path={folder}",
        "--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        ready="/-/ready",
    )


async def deliver(url: str, format_: Any, *, batch: int = 10, **changes: Any) -> None:
    """Send events through a sink that has a format, in batches."""
    settings = {"name": "hook", "url": url, "format": format_}
    sink = HttpSink(HttpConfig.model_validate(settings), environ={})
    events = [sample(number, **changes) for number in range(EVENTS)]
    try:
        for begin in range(0, EVENTS, batch):
            await sink.send(events[begin : begin + batch])
    finally:
        await sink.aclose()


def found_within(seconds: float, find: Callable[[], Any], expected: Any) -> Any:
    """Return what is found once it is what was expected, else what is found last."""
    end = time.monotonic() + seconds
    while (found := find()) != expected and time.monotonic() < end:
        time.sleep(0.2)
    return found


def stored(url: str, query: str) -> list[dict[str, Any]]:
    """Return what VictoriaLogs has stored."""
    answer = httpx.get(url + QUERY, params={"query": query}, trust_env=False)
    return [msgspec.json.decode(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        (f"/insert/loki/api/v1/push?{MESSAGE}", "loki"),
        (
            f"/insert/elasticsearch/_bulk?{MESSAGE}&_time_field=@timestamp",
            "elasticsearch",
        ),
        (f"/insert/jsonline?{MESSAGE}&_time_field=time", "lines"),
    ],
)
async def test_each_event_is_stored_with_time_message_and_attributes(
    logs: str, path: str, format_: str
) -> None:
    """In batches of ten; the query is the assertion."""
    source = f"kubernetes://{format_}"
    await deliver(logs + path, format_, source=source)

    def ids() -> list[str]:
        rows = stored(logs, f'source:="{source}" | fields id, _time, _msg, reason')
        assert {row["_time"] for row in rows} <= {"2026-11-30T10:05:00Z"}
        assert {row["reason"] for row in rows} <= {"BackOff"}
        assert all(row["_msg"].startswith("Back-off restarting") for row in rows)
        return sorted(row["id"] for row in rows)

    expected = sorted(f"uid-{number}" for number in range(EVENTS))
    assert found_within(20, ids, expected) == expected


async def test_alerts_of_one_problem_are_one_alert(alerts: str) -> None:
    """A hundred reports of two Pods: two alerts, each with its last count."""
    for name in ("web-0", "web-1"):
        await deliver(
            alerts + "/api/v2/alerts",
            {"type": "alertmanager", "endsAfter": "87600h"},
            name=name,
        )

    def names() -> list[str]:
        answer = httpx.get(alerts + "/api/v2/alerts", trust_env=False).json()
        return sorted(one["labels"]["name"] for one in answer)

    assert found_within(20, names, ["web-0", "web-1"]) == ["web-0", "web-1"]
