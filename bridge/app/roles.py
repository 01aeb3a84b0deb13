"""Needs → the objects of rbac.authorization.k8s.io/v1 that grant them, and no more."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from bridge.app.needs import Need

_GROUP = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]
"""One object, its keys in the order in which people write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """Who gets the roles, and what they are called.

    Attributes:
        name: Of each role and binding.
        service_account: Name of the service account.
        namespace: Where it lives.
    """

    name: str
    service_account: str
    namespace: str


def grant(needs: Sequence[Need], grantee: Grantee) -> list[Manifest]:
    """Return roles and their bindings, those for the whole cluster first."""
    everywhere = [need for need in needs if need.namespace is None]
    inside: dict[str, list[Need]] = {}
    for need in needs:
        if need.namespace is not None and not _is_covered(need, everywhere):
            inside.setdefault(need.namespace, []).append(need)
    manifests = list(_pair(everywhere, grantee, namespace=None)) if everywhere else []
    for namespace, those in sorted(inside.items()):
        manifests += _pair(those, grantee, namespace=namespace)
    return manifests


def _is_covered(need: Need, everywhere: Iterable[Need]) -> bool:
    return any(
        (other.resource.name, other.name) == (need.resource.name, "")
        and {*need.verbs} <= {*other.verbs}
        for other in everywhere
    )


def _pair(
    needs: Sequence[Need], grantee: Grantee, *, namespace: str | None
) -> Iterator[Manifest]:
    kind: Literal["ClusterRole", "Role"] = "Role" if namespace else "ClusterRole"
    metadata = {"name": grantee.name} | ({"namespace": namespace} if namespace else {})
    telemetry = {"name": grantee.service_account, "namespace": grantee.namespace}
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": list(_rules(needs)),
    }
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": grantee.name},
        "subjects": [{"kind": "ServiceAccount", **telemetry}],
    }


def _rules(needs: Iterable[Need]) -> Iterator[Manifest]:
    """Yield a rule for each API group and what is done there."""
    rows = sorted(
        {
            (one.resource.group, one.verbs, one.name, one.resource.plural)
            for one in needs
        }
    )
    for (group, verbs, name), same in groupby(rows, key=lambda row: row[:3]):
        yield {
            "apiGroups": [group],
            "resources": [plural for *_, plural in same],
            **({"resourceNames": [name]} if name else {}),
            "verbs": list(verbs),
        }
