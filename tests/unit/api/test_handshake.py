"""The callback of the webhook handshake: who has the key may agree."""

import httpx
import pytest

from bridge.api.auth import Asked, refusal

GRANT = "/api/v1/handshakes/hook/k3y"


@pytest.fixture
async def receiver(world):
    """Somebody out there who has no token, and knows us by another name."""
    transport = httpx.ASGITransport(world.build_api())
    async with httpx.AsyncClient(
        transport=transport, base_url="https://bridge.example.com"
    ) as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whoever_has_the_key_agrees_without_a_token(world, receiver, method):
    """By browser or by program; the header fields are passed on."""
    answer = await receiver.request(
        method, GRANT, headers={"WebHook-Allowed-Rate": "7"}
    )

    assert (answer.status_code, answer.json()) == (200, {"consented": True})
    assert world.said["webhook-allowed-rate"] == "7"


@pytest.mark.parametrize("path", ["hook/other", "other/k3y", "nobody/nothing"])
async def test_whatever_is_wrong_has_the_same_answer(receiver, path):
    """It does not tell whether there is such a sink."""
    answer = await receiver.post(f"/api/v1/handshakes/{path}")

    assert answer.status_code == 404
    assert answer.json() == {"error": "no such handshake, or no consent"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/handshakes",
        "/api/v1/handshakes/",
        "/api/v1/handshakes/hook",
        "/api/v1/handshakes/hook/",
        "/api/v1/handshakes//k3y",
        "/api/v1/handshakes/hook/k3y/",
        "/api/v1/handshakes/hook/k3y/more",
        "/api/v1/handshakes/hook/k3y/../../../sinks",
        "/api/v1/handshakes/../sinks/hook/purge",
        "/api/v1/handshake/hook/k3y",
        "/api/v1/sinks/hook/k3y",
        "/x/api/v1/handshakes/hook/k3y",
        "//api/v1/handshakes/hook/k3y",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_opens_with_it(method, path):
    """Every other path wants the token, as before."""
    asked = Asked(method=method, path=path, host="a", authorization="")

    assert refusal(asked, token="t", loopback=False).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", ""])
def test_other_methods_want_the_token(method):
    """Only GET and POST are what a receiver calls back with."""
    asked = Asked(method=method, path=GRANT, host="a", authorization="")

    assert refusal(asked, token="t", loopback=False).status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/v1/handshakes/%2e%2e/sinks", "/api/v1/handshakes/hook%2fpurge/k"]
)
async def test_an_encoded_path_leads_nowhere_else(receiver, path):
    """Neither to other endpoints, nor past the token."""
    answer = await receiver.get(path)

    assert answer.status_code in (401, 403, 404)
    assert "items" not in answer.json()
