"""``kubebridge rbac``: the least that must be permitted for a configuration."""

import asyncio
import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bridge.cli.output import echo, explained
from bridge.cli.run import ConfigPath

_HEADER = """\
# The least that kubebridge needs for its configuration. Beside this it asks what is
# served and what it may do, which Kubernetes lets every service account do
# (system:discovery, system:basic-user).
"""


def rbac(
    *,
    config: ConfigPath = None,
    name: Annotated[
        str, typer.Option(help="What roles and bindings are called.")
    ] = "kubebridge",
    namespace: Annotated[
        str, typer.Option(help="Where the service account lives.")
    ] = "kubebridge",
    service_account: Annotated[
        str, typer.Option(help="Who gets the roles.")
    ] = "kubebridge",
) -> None:
    """Print the roles that a configuration needs, and no more, as YAML.

    A cluster is asked only for kinds that are neither Kubernetes' own nor named by
    `resource:`. A source that names its namespaces gets a Role in each of them; the
    bridge then opens a watch in each, where a ClusterRole would let it have one.
    """
    from bridge.app.lookup import look_up_needs  # noqa: PLC0415  # imports everything
    from bridge.app.roles import Grantee, grant  # noqa: PLC0415
    from bridge.config import load_config  # noqa: PLC0415

    with explained():
        needs = asyncio.run(look_up_needs(load_config(config, os.environ)))
    grantee = Grantee(name=name, service_account=service_account, namespace=namespace)
    echo(_HEADER + _as_yaml(grant(needs, grantee)), nl=False)


def _as_yaml(manifests: Sequence[Any]) -> str:
    import yaml  # noqa: PLC0415  # with the rest

    class Dumper(yaml.SafeDumper):
        """Writes lists of words in one line."""

    def in_one_line(dumper: yaml.SafeDumper, given: list[Any]) -> yaml.Node:
        is_words = not any(isinstance(one, dict) for one in given)
        tag = "tag:yaml.org,2002:seq"
        return dumper.represent_sequence(tag, given, flow_style=is_words)

    Dumper.add_representer(list, in_one_line)
    text = yaml.dump_all(manifests, Dumper=Dumper, sort_keys=False, explicit_start=True)
    return str(text)
