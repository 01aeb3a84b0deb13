"""Discovery: how clients learn what is served (API concepts, "API Discovery").

Only the older documents, one for each group version. Clients that prefer the
aggregated one fall back to these.
"""

from typing import Any

from bridge.demo.apiserver.resources import Catalog, ServedResource

Document = dict[str, Any]

VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")

_ALWAYS: dict[str, Document] = {
    "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.1+kubebridge-demo"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
}


def discover(catalog: Catalog, path: str) -> Document | None:
    """Return the discovery document at ``path``, or ``None`` if it is none."""
    match path.strip("/").split("/"):
        case ["api", "v1"]:
            return _resource_list(catalog, "", "v1")
        case ["apis"]:
            groups = [_group(catalog, name) for name in _versions(catalog)]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if group in _versions(catalog):
            document = _group(catalog, group)
            return {"kind": "APIGroup", "apiVersion": "v1", **document}
        case ["apis", group, version] if version in _versions(catalog).get(group, ()):
            return _resource_list(catalog, group, version)
        case _:
            return _ALWAYS.get(path)


def _versions(catalog: Catalog) -> dict[str, list[str]]:
    """Return the versions of each named group, the preferred one first."""
    versions: dict[str, list[str]] = {}
    for resource in catalog.resources:
        known = versions.setdefault(resource.group, [])
        if resource.version not in known:
            known.append(resource.version)
    del versions[""]
    return versions


def _group(catalog: Catalog, name: str) -> Document:
    """Return the document of one group."""
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version in _versions(catalog)[name]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(catalog: Catalog, group: str, version: str) -> Document:
    """Return the document of one group version."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [
            _described(resource)
            for resource in catalog.resources
            if (resource.group, resource.version) == (group, version)
        ],
    }


def _described(resource: ServedResource) -> Document:
    """Return what discovery says about one resource."""
    return {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
        "shortNames": resource.short_names,
    }
