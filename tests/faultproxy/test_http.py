"""The HTTP proxy in front of a real API server, asked by a plain client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.faultproxy import (
    Cut,
    Hold,
    HttpProxy,
    Inject,
    Strip,
    empty,
    error_line,
    html,
    http_proxy,
    refusal,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIGMAPS = "/api/v1/namespaces/kube-system/configmaps"
WATCH = f"{CONFIGMAPS}?watch=true&sendInitialEvents=true"
WATCH += "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[HttpProxy]:
    """Run a proxy to the API server."""
    with http_proxy(control_plane.apiserver) as one:
        yield one


@pytest.fixture
def client(control_plane: ControlPlane, proxy: HttpProxy) -> Iterator[httpx.Client]:
    """Return a client that takes the proxy for the API server."""
    server = control_plane.apiserver
    with httpx.Client(
        base_url=proxy.url,
        headers={"Authorization": f"Bearer {server.token()}"},
        verify=server.ssl_context(),
        trust_env=False,
        timeout=20,
    ) as one:
        yield one


@contextmanager
def lines(client: httpx.Client, url: str) -> Iterator[Iterator[str]]:
    """Read a stream line by line."""
    with client.stream("GET", url) as answer:
        yield answer.iter_lines()


def test_forwards_what_is_asked_and_counts_it(
    proxy: HttpProxy, client: httpx.Client
) -> None:
    """Reads, writes, refusals and watches pass; each is counted by its kind."""
    made = client.post(CONFIGMAPS, json={"metadata": {"generateName": "proxied-"}})
    version = client.get(CONFIGMAPS).json()["metadata"]["resourceVersion"]
    client.get(f"{CONFIGMAPS}?resourceVersionMatch=Exact&resourceVersion={version}")
    absent = client.get(f"{CONFIGMAPS}/absent")
    with lines(client, WATCH) as read:
        first = json.loads(next(read))

    assert made.status_code == 201
    assert (absent.status_code, first["type"]) == (404, "ADDED")
    assert proxy.count() == {"other": 2, "list": 1, "list-exact": 1, "watchlist": 1}
    assert proxy.count(plural="configmaps", since=2)["list-exact"] == 1


def test_answers_by_itself_as_often_as_told(
    proxy: HttpProxy, client: httpx.Client
) -> None:
    """HTML, an empty 200, a refusal with its time: then the server again."""
    proxy.fault(html(503), kinds=["list"], times=1)
    proxy.fault(empty(), kinds=["list"], times=1)
    proxy.fault(refusal(429, "TooManyRequests", retry_after=7), times=1)
    proxy.fault(html(500), plural="pods")

    answers = [client.get(CONFIGMAPS) for _ in range(4)]

    assert [one.status_code for one in answers] == [503, 200, 429, 200]
    assert answers[0].headers["Content-Type"] == "text/html"
    assert answers[1].content == b""
    assert answers[2].headers["Retry-After"] == "7"
    assert answers[3].json()["kind"] == "ConfigMapList"
    assert client.get("/api/v1/pods").status_code == 500
    proxy.heal()
    assert client.get("/api/v1/pods").status_code == 200


def test_strips_a_parameter(proxy: HttpProxy, client: httpx.Client) -> None:
    """A watch without `resourceVersionMatch` is refused, as by an older server."""
    proxy.fault(Strip(parameter="sendInitialEvents"))

    answer = client.get(WATCH)

    assert answer.status_code == 422
    assert "resourceVersionMatch" in answer.text


def test_puts_lines_into_a_watch(proxy: HttpProxy, client: httpx.Client) -> None:
    """After one line of the server's come ours, and then the end."""
    ours = (b"not json", error_line(410, "Expired"))
    proxy.fault(Inject(lines=ours, after=1, is_ended=True))

    with lines(client, WATCH) as read:
        got = list(read)

    assert json.loads(got[0])["type"] == "ADDED"
    assert got[-2] == "not json"
    assert json.loads(got[-1])["object"]["code"] == 410


def test_cuts_and_holds_answers(proxy: HttpProxy, client: httpx.Client) -> None:
    """A body that is cut is an error; a held answer comes late."""
    proxy.fault(Cut(after=10), times=1)
    proxy.fault(Hold(seconds=0.3), times=1)

    with pytest.raises(httpx.TransportError):
        client.get(CONFIGMAPS)
    with pytest.raises(httpx.ReadTimeout):
        client.get(CONFIGMAPS, timeout=0.1)
    assert client.get(CONFIGMAPS).status_code == 200


def test_open_watch_ends_with_cut_all(proxy: HttpProxy, client: httpx.Client) -> None:
    """An open stream breaks in the middle."""
    with lines(client, WATCH) as read:
        next(read)
        assert [one.kind for one in proxy.open_requests] == ["watchlist"]
        proxy.cut_all()

        with pytest.raises(httpx.TransportError):
            list(read)
