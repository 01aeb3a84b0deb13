"""What a configuration names and needs, without a cluster as long as that goes."""

from collections.abc import Sequence

from bridge.app.build import build_router
from bridge.app.needs import Need, all_needs, known_resource
from bridge.cluster import Resource
from bridge.cluster.builtin import plural_of
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import ClusterConfig
from bridge.config import Config
from bridge.errors import ClusterError, ConfigError
from bridge.ingest.source import Source, build_sources


async def look_up_needs(config: Config) -> list[Need]:
    """Return what must be permitted for a configuration.

    Only kinds that are not Kubernetes' own are asked of the cluster.

    Raises:
        ConfigError: It cannot be told; names the source and what to write instead.
    """
    wanted = build_sources(config.sources, build_router(config))
    return all_needs(wanted, await _look_up(wanted, config.cluster))


async def _look_up(
    wanted: Sequence[Source], cluster: ClusterConfig
) -> dict[str, Resource]:
    found = {one.name: known_resource(one.settings.target) for one in wanted}
    unknown = [one for one in wanted if found[one.name] is None]
    asked = await _ask(unknown, cluster) if unknown else {}
    return {name: resource or asked[name] for name, resource in found.items()}


async def _ask(wanted: Sequence[Source], cluster: ClusterConfig) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for one in wanted:
        try:
            async with ClusterClient.open(
                kubeconfig=cluster.kubeconfig, context=cluster.context
            ) as client:
                found[one.name] = await find_resource(client, one.settings.target)
        except ClusterError as error:
            raise ConfigError([_problem(one, error)]) from error
    return found


def _problem(wanted: Source, error: ClusterError) -> str:
    target = wanted.settings.target
    guess = f"{plural_of(target.kind)}.{target.group}".rstrip(".")
    return (
        f"source {wanted.name}: cannot tell which resource {target} is, and no "
        f"cluster tells: {error}; write resource: (perhaps {guess}) instead of kind:"
    )
