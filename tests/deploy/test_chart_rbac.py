"""The chart's roles are those that `kubebridge rbac` prints for the same values."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import VALUES, golden, objects, render
from tests.unit.cli.conftest import invoke

SINKS = [{"name": "hook", "url": "https://hook.example.com/"}]
SHOP = [{"name": "shop", "labels": "app=shop"}]


def routed(*filters: Any, **more: Any) -> list[dict[str, Any]]:
    """Return one route."""
    return [{"name": "r", "filters": list(filters), **more}]


DEPLOYMENTS = {"apiVersion": "apps/v1", "kind": "Deployment"}
CONFIGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "events of the other group": {
        "sources": [{"apiVersion": "events.k8s.io/v1", "kind": "Event"}]
    },
    "kinds of several groups": {
        "sources": [
            DEPLOYMENTS,
            {"kind": "Node"},
            {"apiVersion": "batch/v1", "kind": "CronJob"},
            {"apiVersion": "v1", "kind": "Pod"},
        ]
    },
    "resources": {
        "sources": [
            {"resource": "deployments.apps"},
            {"resource": "certificates.cert-manager.io"},
            {"resource": "widgets", "apiVersion": "v1", "namespaces": ["shop"]},
            {"resource": "nodes", "namespaces": ["shop"]},
            {"resource": "events.events.k8s.io"},
        ]
    },
    "groups that begin alike": {
        "sources": [
            {"resource": "daemonsets.apps.kruise.io", "name": "kruise"},
            {"resource": "daemonsets.apps"},
            {"resource": "a.apps-x"},
        ]
    },
    "namespaces": {
        "sources": [
            {"namespaces": ["shop", "billing"]},
            DEPLOYMENTS | {"namespaces": ["shop"]},
        ]
    },
    "namespaces of what is read everywhere": {
        "sources": [
            DEPLOYMENTS,
            DEPLOYMENTS | {"name": "again", "namespaces": ["shop"]},
        ]
    },
    "cluster-wide kind in namespaces": {
        "sources": [{"kind": "Node", "namespaces": ["shop"]}]
    },
    "namespaces by labels": {"sources": [{"namespaceSelector": "team=shop"}]},
    "nodes by labels": {
        "sources": [{"kind": "Node", "namespaceSelector": "team=shop"}]
    },
    "enriched": {"sources": [{"enrich": {"labels": True}}]},
    "enriched by nothing": {"sources": [{"enrich": {"kinds": ["Pod"]}}]},
    "enriched from few kinds": {
        "sources": [
            {"enrich": {"owner": True, "kinds": ["Pod", "Event", "Widget"]}},
        ]
    },
    "annotations": {
        "sources": [{"namespaces": ["shop"], "enrich": {"annotations": ["a.io/b"]}}]
    },
    "labels of a route": {"routes": SHOP},
    "labels of a route from elsewhere": {
        "sources": [{}, DEPLOYMENTS],
        "routes": [SHOP[0] | {"sources": ["deployment"]}],
    },
    "labels of a route by the default name": {
        "sources": [{"namespaces": ["shop"]}],
        "routes": [SHOP[0] | {"sources": ["events"]}],
    },
    "owner in a filter": {"routes": routed({"exact": {"ownerkind": "Deployment"}})},
    "owner deep in a filter": {
        "routes": routed(
            {
                "any": [
                    {"exact": {"reason": "x"}},
                    {"not": {"prefix": {"ownername": "w"}}},
                ]
            }
        )
    },
    "owner in an expression": {
        "routes": routed({"when": "event.reason == 'x' and event.ownername == 'web'"})
    },
    "no owner in an expression": {
        "routes": routed({"when": "object.event.ownernames == 1 or event.type == 'x'"})
    },
}


def roles(manifests: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return roles and bindings by kind and namespace, without the labels of Helm."""
    found = [one for one in manifests if one["apiVersion"].startswith("rbac.")]
    for one in found:
        one["metadata"].pop("labels", None)
    by_place = {
        (one["kind"], one["metadata"].get("namespace", "")): one for one in found
    }
    assert len(by_place) == len(found)
    return by_place


def printed(
    config: dict[str, Any], folder: Path
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what `kubebridge rbac` prints."""
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(config))
    result = invoke("rbac", "-c", str(path))
    assert result.exit_code == 0, result.output
    return roles(objects(result.stdout))


@pytest.mark.parametrize("name", CONFIGS)
def test_roles_are_those_of_the_verb(name: str, tmp_path: Path) -> None:
    """Rule by rule, in the same order."""
    config = CONFIGS[name] | {"sinks": SINKS}

    found = roles(objects(render(yaml.safe_dump({"config": config}))))

    assert found == printed(config, tmp_path)


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_golden_roles_are_those_of_the_verb(values: Path, tmp_path: Path) -> None:
    """This needs no helm."""
    config = yaml.safe_load(values.read_text())["config"]

    found = roles(objects(golden(values).read_text()))

    assert found == printed(config, tmp_path)


def test_no_roles_where_they_are_not_wanted() -> None:
    """Whoever may not create roles applies those of the verb."""
    config = {"sinks": SINKS, "sources": [{"namespaces": ["shop"]}]}
    values = {"config": config, "rbac": {"create": False}}

    assert roles(objects(render(yaml.safe_dump(values)))) == {}
