"""Objects that are created again and again."""

from typing import Any

ANYTHING = {
    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
}

CONTAINER = {"name": "web", "image": "nginx"}
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [CONTAINER], "restartPolicy": "Always"},
}
JOB_TEMPLATE = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": {"app": "web"}}
KINDS = {
    "v1/pods": {"spec": {"containers": [CONTAINER]}},
    "v1/configmaps": {"data": {"color": "red"}},
    "v1/services": {"spec": {"ports": [{"port": 80}]}},
    "apps/v1/deployments": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/replicasets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/statefulsets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/daemonsets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "batch/v1/cronjobs": {
        "spec": {
            "schedule": "0 0 1 1 *",
            "jobTemplate": {"spec": {"template": JOB_TEMPLATE}},
        }
    },
    "batch/v1/jobs": {"spec": {"template": JOB_TEMPLATE}},
}
"""Resource → what an object of it needs beside its name."""


def event(namespace: str, name: str, **fields: Any) -> dict[str, Any]:
    """Return a core/v1 Event about a Pod."""
    return {
        "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "web"},
        "reason": "Started",
        "message": "Started container web",
        "type": "Normal",
        **fields,
    }


def new_event(namespace: str, name: str, **fields: Any) -> dict[str, Any]:
    """Return an events.k8s.io/v1 Event about a Pod, with all that is required."""
    return {
        "metadata": {"name": name},
        "regarding": {"kind": "Pod", "namespace": namespace, "name": "web"},
        "reason": "Scheduled",
        "note": "Assigned web to node-1",
        "type": "Normal",
        "action": "Binding",
        "eventTime": "2026-11-21T09:30:00.123456Z",
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-1",
        **fields,
    }


def definition(group: str, *, scope: str = "Namespaced"):
    """Return the definition of widgets in two versions."""
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    versions = [
        {"name": "v1", "served": True, "storage": True, "schema": ANYTHING},
        {"name": "v1beta1", "served": True, "storage": False, "schema": ANYTHING},
        {"name": "v1alpha1", "served": False, "storage": False, "schema": ANYTHING},
    ]
    spec = {"group": group, "scope": scope, "names": names, "versions": versions}
    return {"metadata": {"name": f"widgets.{group}"}, "spec": spec}


def widget(group: str, name: str, **fields):
    """Return a widget, which has to say what it is."""
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        **fields,
    }
