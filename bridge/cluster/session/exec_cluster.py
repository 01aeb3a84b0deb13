"""What an exec plugin with ``provideClusterInfo`` is told: ``spec.cluster``."""

import base64
from typing import Any

from bridge.cluster.session.forms import KubeconfigCluster

_EXTENSION = "client.authentication.k8s.io/exec"


def exec_cluster(
    cluster: KubeconfigCluster, *, authority: bytes | None
) -> dict[str, Any]:
    """Return the form that client-go gives (client.authentication.k8s.io, Cluster).

    Args:
        cluster: As it stands in the kubeconfig.
        authority: The CA bundle, inline or from a file; None: none.
    """
    data = base64.b64encode(authority).decode() if authority else None
    told = {
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": data,
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    extensions = {one.name: one.extension for one in cluster.extensions or ()}
    return {
        "server": cluster.server,
        **{key: value for key, value in told.items() if value},
        "config": extensions.get(_EXTENSION),
    }
