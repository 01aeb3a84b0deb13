"""CustomResourceDefinitions that come and go."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.controlplane.apiserver import ApiServer

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "demo.example.com"


@contextmanager
def custom_resource(
    server: ApiServer, kind: str, *, versions: tuple[str, ...] = ("v1",)
) -> Iterator[str]:
    """Define a namespaced kind of `GROUP` while the block runs; yield its plural."""
    plural = f"{kind.lower()}s"
    name = f"{plural}.{GROUP}"
    server.request("POST", DEFINITIONS, definition(kind, versions=versions))
    try:
        yield plural
    finally:
        server.request("DELETE", f"{DEFINITIONS}/{name}")


def stop_serving(server: ApiServer, plural: str, *, index: int) -> None:
    """Serve one version of a kind no more, by its place in the list of versions."""
    path = f"/spec/versions/{index}/served"
    server.kubectl(
        "patch",
        f"customresourcedefinition/{plural}.{GROUP}",
        "--type=json",
        f'--patch=[{{"op": "replace", "path": "{path}", "value": false}}]',
    )


def definition(kind: str, *, versions: tuple[str, ...] = ("v1",)) -> dict[str, object]:
    """Return a CustomResourceDefinition; the last version is the stored one."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "plural": plural,
                "singular": kind.lower(),
                "kind": kind,
                "listKind": f"{kind}List",
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[-1],
                    "schema": {"openAPIV3Schema": schema},
                }
                for version in versions
            ],
        },
    }
