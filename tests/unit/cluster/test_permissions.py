"""What the bridge may do."""

import pytest
from aiohttp import web

from bridge.cluster import CORE_EVENTS
from bridge.cluster.builtin import BUILTIN, NAMESPACES
from bridge.cluster.permissions import is_allowed
from bridge.errors import UnreadableError
from tests.unit.cluster.server import Answer, connected

DEPLOYMENTS = BUILTIN["apps", "Deployment"]


def reviewing(*, allowed, reviews):
    """Answer reviews, and keep what was asked."""

    async def behave(request):
        reviews.append((request.path, await request.json()))
        review = {"kind": "SelfSubjectAccessReview", "status": {"allowed": allowed}}
        return web.json_response(review, status=201)

    return behave


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_api_server_says_what_is_allowed(tmp_path, allowed):
    """In its own words, for exactly what will be asked for."""
    reviews = []
    behaviour = reviewing(allowed=allowed, reviews=reviews)
    async with connected(tmp_path, behaviour) as (client, _):
        answer = await is_allowed(
            client, verb="list", resource=DEPLOYMENTS, namespace="shop"
        )

    [(path, review)] = reviews
    asked = review["spec"]["resourceAttributes"]
    assert answer is allowed
    assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert review["kind"] == "SelfSubjectAccessReview"
    assert (asked["verb"], asked["group"], asked["resource"], asked["namespace"]) == (
        ("list", "apps", "deployments", "shop")
    )


async def test_everywhere_is_an_empty_namespace_and_one_object_has_a_name(tmp_path):
    """As authorization.k8s.io/v1 ResourceAttributes says."""
    reviews = []
    behaviour = reviewing(allowed=True, reviews=reviews)
    async with connected(tmp_path, behaviour) as (client, _):
        await is_allowed(client, verb="watch", resource=CORE_EVENTS)
        await is_allowed(client, verb="get", resource=NAMESPACES, name="kube-system")

    asked = [review["spec"]["resourceAttributes"] for _, review in reviews]
    assert [one["namespace"] for one in asked] == ["", ""]
    assert [one["name"] for one in asked] == ["", "kube-system"]


@pytest.mark.parametrize("body", [b"{}", b'{"kind":"SelfSubjectAccessReview"}'])
async def test_an_answer_without_a_verdict_is_unreadable(tmp_path, body):
    """Neither yes nor no (issue 10, item 9)."""
    async with connected(tmp_path, Answer(body=body)) as (client, _):
        with pytest.raises(UnreadableError, match="selfsubjectaccessreviews"):
            await is_allowed(client, verb="list", resource=CORE_EVENTS)
