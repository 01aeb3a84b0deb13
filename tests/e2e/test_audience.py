"""A sink that asks for an OIDC token with its audience, as a Knative Broker does."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.controlplane.access import write_secret
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AUDIENCE = "eventing.knative.dev/broker/shop/default"


class Broker:
    """Takes an event if the API server vouches for its token and audience."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.taken: list[str] = []
        self.refused = 0
        broker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(broker.answer(self.headers["Authorization"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.server.server_port}/shop/default"

    def answer(self, authorization: str) -> int:
        """Ask the API server who it is (TokenReview), and for which audience."""
        scheme, _, token = authorization.partition(" ")
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [AUDIENCE]},
        }
        path = "/apis/authentication.k8s.io/v1/tokenreviews"
        status = self._plane.apiserver.request("POST", path, review)["status"]
        if scheme != "Bearer" or not status.get("authenticated"):
            self.refused += 1
            return 401
        self.taken.append(token)
        return 202


@pytest.fixture
def broker(control_plane: ControlPlane) -> Iterator[Broker]:
    """Run a broker."""
    one = Broker(control_plane)
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join(10)
    one.server.server_close()


def test_projected_token_is_taken_for_its_audience_and_renewed(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    broker: Broker,
    tmp_path: Path,
) -> None:
    """A wrong audience pauses; the right token resumes; a new one is sent at once."""
    server, file = control_plane.apiserver, tmp_path / "token"
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    server.request("POST", accounts, {"metadata": {"name": "sender"}})

    def project(audience: str) -> str:
        token = server.service_account_token(namespace, "sender", audience=audience)
        write_secret(token, file)
        return token

    project("somebody-else")
    sink = {"name": "hook", "url": broker.url, "auth": {"bearer": {"file": str(file)}}}
    bridge = Bridge(
        folder=tmp_path,
        kubeconfig=server.kubeconfig(),
        sources=[{"namespaces": [namespace]}],
        sinks=[sink],
    )
    with bridge:
        bridge.start_and_wait()
        writer.fill(3, prefix="first", repeats=0)
        wait_until(lambda: state_of(bridge) == "paused")
        assert broker.refused
        assert not broker.taken

        first = project(AUDIENCE)
        wait_until(lambda: len(broker.taken) == 3)
        second = project(AUDIENCE)
        wait_until(lambda: sends(writer, broker) == second)

    assert set(broker.taken) == {first, second}
    assert all(token not in bridge.log.read_text() for token in (first, second))


def state_of(bridge: Bridge) -> str:
    """Return what the API says of the sink."""
    return str(bridge.get("/api/v1/sinks").json()["items"][0]["state"])


def sends(writer: Writer, broker: Broker) -> str:
    """Write one more Event and return the token that came with it."""
    before = len(broker.taken)
    writer.fill(1, prefix=f"more-{before}", repeats=0)
    wait_until(lambda: len(broker.taken) > before)
    return broker.taken[-1]
