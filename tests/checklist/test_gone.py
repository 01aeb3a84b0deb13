"""B13: what is not served any more, not allowed any more, or never was watchable."""

from collections.abc import AsyncIterator

import pytest

from bridge.cluster import Change, Resource
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import Target
from bridge.errors import ForbiddenError, NotServedError
from tests.batches import reading_batches
from tests.checklist.reading import reading
from tests.contract.client import MERGE_PATCH, Client, revision_of
from tests.contract.samples import definition, widget
from tests.contract.test_custom_resources import DEFINITIONS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
async def group(shop: Client) -> AsyncIterator[str]:
    """Serve widgets in a group of their own, with one in the namespace."""
    group = f"{shop.namespace}.example.com"
    await define(shop, group)
    await shop.create(f"{group}/v1/widgets", widget(group, "one"))
    yield group
    await shop.call("DELETE", f"{DEFINITIONS}/widgets.{group}")


async def define(shop: Client, group: str) -> None:
    """Define widgets, and wait until they are served."""
    await shop.call("POST", DEFINITIONS, definition(group))
    await shop.call_until(200, "GET", shop.path(f"{group}/v1/widgets"))


def widgets(group: str, version: str = "v1") -> Resource:
    """Return what is watched."""
    return Resource(group=group, version=version, plural="widgets", kind="Widget")


async def read_to_the_end(batches) -> list[str]:
    """Return what is told until it is said that there is no such resource."""
    told: list[str] = []
    try:
        async for batch in batches:
            told += [one.change for one in batch if isinstance(one, Change)]
    except NotServedError:
        return told
    raise AssertionError("expected no end but that there is no such resource")


@pytest.mark.usefixtures("impatient")
async def test_b13_a_definition_that_is_deleted_ends_the_reader(client, shop, group):
    """Its objects go first; defined anew, it is found and read again."""
    how = {"namespace": shop.namespace, "initial": "emit"}
    async with reading_batches(client, widgets(group), **how) as batches:
        await anext(batches)
        await shop.call("DELETE", f"{DEFINITIONS}/widgets.{group}")
        told = await read_to_the_end(batches)
    await shop.call_until(404, "GET", shop.path(f"{group}/v1/widgets"))
    await define(shop, group)

    target = Target(api_version=f"{group}/v1", kind="Widget")
    async with reading(client, await find_resource(client, target), **how) as seen:
        await seen.until_open()
        made = await shop.create(f"{group}/v1/widgets", widget(group, "two"))
        await seen.until_version(revision_of(made))

    assert told == ["deleted"]


@pytest.mark.usefixtures("impatient")
async def test_b13_a_version_that_is_removed_is_read_in_another(client, shop, group):
    """The reader of the old one ends, and who looks again finds what is served."""
    value = definition(group)["spec"]
    value["versions"][1]["served"] = False
    how = {"namespace": shop.namespace, "initial": "emit"}
    async with reading_batches(client, widgets(group, "v1beta1"), **how) as batches:
        await anext(batches)
        path = f"{DEFINITIONS}/widgets.{group}"
        await shop.call("PATCH", path, {"spec": value}, content_type=MERGE_PATCH)
        await shop.call_until(404, "GET", shop.path(f"{group}/v1beta1/widgets"))
        await read_to_the_end(batches)

    target = Target(api_version=f"{group}/v1beta1", kind="Widget")
    assert (await find_resource(client, target)).version == "v1"


@pytest.mark.usefixtures("impatient")
async def test_b13_a_role_that_is_taken_away_is_waited_for(
    shop, mounted, short_watches
):
    """403 is reported for as long as it lasts; then nothing is missing."""
    short_watches(1)
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.namespace}"
    path = f"{rbac}/rolebindings"
    async with mounted() as client, reading(client, namespace=shop.namespace) as seen:
        await seen.until_open()
        binding = (await shop.call("GET", f"{path}/reader")).json
        await shop.call("DELETE", f"{path}/reader")
        await seen.until(
            lambda: any(isinstance(one, ForbiddenError) for one in seen.errors)
        )
        created = revision_of(await shop.event("meanwhile"))
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        await shop.call("POST", path, binding)
        await seen.until_version(created)

    assert (seen.versions, seen.counts["relist"]) == ([created], 0)


async def test_b13_what_cannot_be_watched_is_refused(client):
    """It is known of before a reader begins, from the verbs that are served."""
    with pytest.raises(NotServedError, match="cannot be watched"):
        await find_resource(client, Target(api_version="v1", kind="ComponentStatus"))
