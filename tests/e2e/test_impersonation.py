"""A kubeconfig that asks as somebody else, and a real API server that decides."""

from pathlib import Path

import pytest
import yaml

from bridge.cluster import CORE_EVENTS
from bridge.cluster.client import ClusterClient
from bridge.errors import ForbiddenError
from tests.controlplane.cluster import ControlPlane

pytestmark = pytest.mark.e2e


def asking_as(plane: ControlPlane, folder: Path, **keys: object) -> Path:
    """Write the administrator's kubeconfig, less the rights of these keys."""
    path = plane.apiserver.kubeconfig(path=folder / "kubeconfig")
    content = yaml.safe_load(path.read_text())
    content["users"][0]["user"] |= keys
    path.write_text(yaml.safe_dump(content))
    return path


async def test_rights_are_those_of_the_user_that_is_asked_for(
    control_plane: ControlPlane, tmp_path: Path
):
    """An administrator who asks as jane may do what jane may (issue 10, item 4)."""
    path = asking_as(control_plane, tmp_path, **{"as": "jane"})

    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        with pytest.raises(ForbiddenError, match='"jane"'):
            await client.list_page(CORE_EVENTS)


async def test_groups_that_are_asked_for_have_their_rights(
    control_plane: ControlPlane, tmp_path: Path
):
    """Jane as an administrator may list (issue 10, item 4)."""
    groups = ["system:authenticated", "system:masters"]
    keys = {"as": "jane", "as-groups": groups, "as-user-extra": {"a/b": ["c"]}}
    path = asking_as(control_plane, tmp_path, **keys)

    async with ClusterClient.open(kubeconfig=path, environ={}) as client:
        page = await client.list_page(CORE_EVENTS, limit=1)

    assert page.resource_version
