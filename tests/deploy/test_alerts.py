"""Alerts and dashboard name what the bridge shows, and alerts fire when they should."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.api.collectors import QueueCollector, ReaderCollector
from bridge.metrics import Metrics
from tests.deploy.chart import CHART
from tests.deploy.documents import ROOT
from tests.deploy.tools import find_promtool
from tests.unit.api.world import open_world

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"
OF_TARGETS = {"namespace", "pod", "le"}
"""Labels that Prometheus adds."""


def rules() -> list[dict[str, Any]]:
    """Return the rules."""
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    """Yield each expression of rules and dashboard."""
    for rule in rules():
        yield rule["expr"]
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        if isinstance(variable["query"], dict):
            yield variable["query"]["query"].partition("(")[2].partition(",")[0]


@pytest.fixture
async def shown(tmp_path: Path) -> dict[str, set[str]]:
    """Return the names of all series in `/metrics`, each with its labels."""
    async with open_world(tmp_path / "queue.db") as world:
        metrics = Metrics(version="0")
        figures = QueueCollector(world.queue, world.health)
        await figures.refresh()
        metrics.show(figures, ReaderCollector(world.health))
        found: dict[str, set[str]] = {}
        for collector in metrics.registry._collector_to_names:
            for family in collector.collect():
                labels = _labels(collector) | _labels(family)
                for suffix in SUFFIXES.get(family.type, [""]):
                    found[family.name + suffix] = labels
        return found


SUFFIXES = {
    "counter": ["_total"],
    "histogram": ["_bucket", "_sum", "_count"],
    "info": ["_info"],
}


def _labels(declaring: Any) -> set[str]:
    return set(getattr(declaring, "_labelnames", ()))


def test_names_and_labels_exist(shown: dict[str, set[str]]) -> None:
    """Each metric is in `/metrics`, and has the labels that are asked of it."""
    for expression in expressions():
        names = set(re.findall(r"kubebridge_\w+", expression))
        selected = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|=)", expression)
        grouped = ",".join(re.findall(r"by \(([^)]*)\)", expression))
        labels = {*selected, *re.findall(r"\w+", grouped)} - OF_TARGETS

        assert names
        assert names <= shown.keys(), expression
        assert all(labels <= shown[name] for name in names), expression


def test_messages_use_labels_that_are_there(shown: dict[str, set[str]]) -> None:
    """A label that is not there would leave a hole in the text."""
    for rule in rules():
        (name, *_) = re.findall(r"kubebridge_\w+", rule["expr"])
        used = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])

        assert {*used} <= shown[name], rule["alert"]


def test_each_alert_has_its_section() -> None:
    """And the page has no section of an alert that is gone."""
    page = (ROOT / "docs" / "alerts.md").read_text()
    sections = re.findall(r"^## (\w+)$", page, re.MULTILINE)

    assert sections == [rule["alert"] for rule in rules()]
    for rule in rules():
        link = rule["annotations"]["runbook_url"]
        assert link == f"docs/alerts.md#{rule['alert'].lower()}"


def test_promtool_accepts_the_rules() -> None:
    """Expressions and templates are Prometheus's own."""
    subprocess.check_call([find_promtool(), "check", "rules", str(ALERTS)])


QUIET = {
    "kubebridge_build_info": "1",
    'kubebridge_watching{source="events"}': "1",
    'kubebridge_gaps_total{resource="events",cause="expired"}': "3",
    'kubebridge_queue_full{sink=""}': "0",
    "kubebridge_queue_bytes": "10",
    "kubebridge_queue_limit_bytes": "100",
    'kubebridge_oldest_pending_seconds{sink="hook"}': "5",
    'kubebridge_sink_state{sink="hook",state="paused"}': "0",
    'kubebridge_deliveries_total{sink="hook",outcome="dead"}': "7",
    "kubebridge_config_reload_success": "1",
}
"""Series of a bridge that is well."""

TROUBLE = {
    "KubebridgeDown": {"kubebridge_build_info": "stale"},
    "KubebridgeNotWatching": {'kubebridge_watching{source="events"}': "0x60"},
    "KubebridgeGap": {
        'kubebridge_gaps_total{resource="events",cause="expired"}': "3x50 4x9"
    },
    "KubebridgeQueueFull": {'kubebridge_queue_full{sink=""}': "1x60"},
    "KubebridgeQueueFilling": {"kubebridge_queue_bytes": "81x60"},
    "KubebridgeBacklogOld": {
        'kubebridge_oldest_pending_seconds{sink="hook"}': "1000x60"
    },
    "KubebridgeSinkHeldBack": {
        'kubebridge_sink_state{sink="hook",state="paused"}': "1x60"
    },
    "KubebridgeDeadLetters": {
        'kubebridge_deliveries_total{sink="hook",outcome="dead"}': "7x50 8x9"
    },
    "KubebridgeReloadFailed": {"kubebridge_config_reload_success": "0x60"},
}
"""What each alert is about, in samples a minute."""


def history(series: dict[str, str]) -> list[dict[str, str]]:
    """Return series of an hour as promtool reads them."""
    return [
        {"series": name, "values": one if "x" in one or one == "stale" else f"{one}x60"}
        for name, one in (QUIET | series).items()
    ]


@pytest.mark.parametrize("alert", TROUBLE)
def test_alert_fires_in_its_trouble_alone(alert: str, tmp_path: Path) -> None:
    """Of all alerts that one, and it has a text."""
    cases = [
        {"eval_time": "55m", "alertname": rule["alert"], "exp_alerts": []}
        for rule in rules()
        if rule["alert"] != alert
    ]
    fires = {
        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": "55m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    unit = {
        "interval": "1m",
        "input_series": history(TROUBLE[alert]),
        "alert_rule_test": cases,
        "promql_expr_test": [fires],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [unit]}))

    command = [find_promtool(), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert not done.returncode, done.stdout + done.stderr


def test_every_alert_has_a_trouble() -> None:
    """A new rule is tried too."""
    assert list(TROUBLE) == [rule["alert"] for rule in rules()]
