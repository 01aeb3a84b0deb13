"""Proxies in front of the control plane, and how clients find them."""

from pathlib import Path

from tests.controlplane.access import ADMIN, write_kubeconfig
from tests.controlplane.apiserver import ApiServer
from tests.faultproxy.http import HttpProxy
from tests.faultproxy.tcp import TcpProxy


def tcp_proxy(server: ApiServer) -> TcpProxy:
    """Return a TCP proxy to an API server, not started."""
    return TcpProxy(server.port)


def http_proxy(server: ApiServer) -> HttpProxy:
    """Return an HTTP proxy to an API server that has started; not started itself.

    It shows the certificate of the API server, which clients trust anyway.
    """
    return HttpProxy(
        server.port,
        certificate=server.certificate_authority,
        key=server.signing_key,
        trusted=server.certificate_authority,
    )


def proxied_kubeconfig(
    server: ApiServer, proxy: TcpProxy | HttpProxy, path: Path, *, user: str = ADMIN
) -> Path:
    """Write a kubeconfig that leads to a proxy with a user's token; return its path."""
    write_kubeconfig(
        path,
        url=proxy.url,
        certificate_authority=server.certificate_authority,
        user=user,
        token=server.token(user),
    )
    return path
