"""A network and an API server that fail on command, between a bridge and a real one.

Two proxies, each in a thread of its own, for tests that are not async::

    def test_cut_watch_is_resumed(control_plane, tmp_path):
        server = control_plane.apiserver
        with http_proxy(server) as http, TcpProxy(http.port) as tcp:
            kubeconfig = proxied_kubeconfig(server, tcp, tmp_path / "kubeconfig")
            bridge = Bridge(folder=tmp_path, kubeconfig=kubeconfig, ...)
            ...
            tcp.reset()                         # RST; also half_open, blackhole,
            tcp.truncate(100); tcp.heal()       # truncate, delay, close_all, refuse

            http.fault(html(503), kinds=["watch"], plural="pods", times=3)
            http.fault(empty(), kinds=["watch"], times=2)
            http.fault(refusal(429, "TooManyRequests", retry_after=2), times=1)
            http.fault(Strip(parameter="sendInitialEvents"), kinds=["watchlist"])
            http.fault(Inject(lines=(error_line(410, "Expired"),), is_ended=True))
            http.fault(Cut(after=500)); http.fault(Hold(seconds=3)); http.heal()

            assert http.count(plural="pods")["list"] == 1

`TcpProxy` works below TLS, so it stands in front of anything; alone it is
`tcp_proxy(server)`. `HttpProxy` ends TLS with the API server's own certificate and
passes the client's credentials on. A rule of `fault` is for requests to come; watches
that are open meet it after `cut_all` or `tcp.reset`. What was asked is in
`HttpProxy.requests`.
"""

from tests.faultproxy.cluster import http_proxy, proxied_kubeconfig, tcp_proxy
from tests.faultproxy.faults import (
    Cut,
    Hold,
    Inject,
    Reply,
    Strip,
    empty,
    error_line,
    html,
    refusal,
)
from tests.faultproxy.http import HttpProxy
from tests.faultproxy.requests import Request
from tests.faultproxy.tcp import TcpProxy

__all__ = [
    "Cut",
    "Hold",
    "HttpProxy",
    "Inject",
    "Reply",
    "Request",
    "Strip",
    "TcpProxy",
    "empty",
    "error_line",
    "html",
    "http_proxy",
    "proxied_kubeconfig",
    "refusal",
    "tcp_proxy",
]
