"""``kubebridge doctor`` and ``rbac``: a configuration and its cluster."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api
from bridge.cli.options import ConfigPath, TokenFile
from bridge.cli.output import FAILED, Output, echo, explained, show, table

_PERMISSIONS = {
    "verb": "VERB",
    "what": "RESOURCE",
    "namespace": "NAMESPACE",
    "for": "FOR",
    "answer": "ALLOWED",
}
_CURSORS = {
    "id": "CURSOR",
    "namespace": "NAMESPACE",
    "resourceVersion": "VERSION",
    "age": "MOVED",
    "answer": "STATE",
}
_CURSOR_FIELDS = dict.fromkeys(
    (
        "id",
        "cluster",
        "resource",
        "namespace",
        "fieldSelector",
        "labelSelector",
        "resourceVersion",
        "moved",
    ),
    str,
)
_WORDS = {True: "yes", False: "no", None: "cannot tell"}
_STATES = {
    "readable": "readable",
    "expired": "expired: the history goes less far back",
    "future": "ahead of the cluster, which was rolled back",
    "unknown": "cannot tell",
}

_HEADER = """\
# The least that kubebridge needs for its configuration. Beside this it asks what is
# served and what it may do, which Kubernetes lets every service account do
# (system:discovery, system:basic-user).
"""


def doctor(
    *,
    config: ConfigPath = None,
    output: Output = None,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="KUBEBRIDGE_URL",
            help="A running bridge to ask for its cursors: where do they stand, and "
            f"can reading go on from there? E.g. {DEFAULT_URL}.",
            show_default=False,
        ),
    ] = None,
    token_file: TokenFile = None,
) -> None:
    """Check a configuration against its cluster.

    Does each kind exist, is each permission granted, which features does the API
    server have, can each sink be connected to, are the files there? Asks the API
    server, starts nothing, changes nothing and sends nothing to a sink. Exit code 1
    if anything is missing or cannot be told, but for sources that are `optional`.
    """
    # They import everything.
    from bridge.config import load_config  # noqa: PLC0415
    from bridge.config.parts import diagnose_config, find_unusable  # noqa: PLC0415

    with explained():
        loaded = load_config(config, os.environ, check=find_unusable)
        cursors = None
        if url:
            cursors = Api(url, token_file).items("cursors", fields=_CURSOR_FIELDS)
        now = datetime.now(UTC)
        answer = asyncio.run(diagnose_config(loaded, cursors=cursors, now=now))
    show(answer, _text, output=output)
    if answer["problems"]:
        raise typer.Exit(FAILED)


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
    from bridge.config import load_config  # noqa: PLC0415
    from bridge.config.parts import build_router  # noqa: PLC0415  # imports everything
    from bridge.ingest.source import build_sources  # noqa: PLC0415
    from bridge.operate.rbac import Grantee, find_permissions, grant  # noqa: PLC0415

    with explained():
        loaded = load_config(config, os.environ)
        sources = build_sources(loaded.sources, build_router(loaded))
        permissions = asyncio.run(find_permissions(sources, loaded.cluster))
    grantee = Grantee(name=name, service_account=service_account, namespace=namespace)
    echo(_HEADER + _as_yaml(grant(permissions, grantee)), nl=False)


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


def _text(answer: Mapping[str, Any]) -> str:
    blocks = [
        _cluster(answer["cluster"]),
        *map(_source, answer["sources"]),
        *map(_sink, answer["sinks"]),
        _files(answer["files"]),
    ]
    problems = answer["problems"]
    end = [f"problem: {one}" for one in problems] or ["no problems"]
    end = [*(f"optional: {one}" for one in answer["notes"]), *end]
    return "\n\n".join("\n".join(lines) for lines in [*blocks, end])


def _cluster(cluster: Mapping[str, Any]) -> list[str]:
    uid = f"{cluster['uid']}{' (derived from CA and URL)' * cluster['uidDerived']}"
    return [
        f"cluster {cluster['server']}",
        f"  version      {cluster['version']}",
        f"  uid          {uid}",
        f"  WatchList    {_WORDS[cluster['watchList']]}",
        f"  LIST Exact   {_WORDS[cluster['listExact']]}",
        *_indented(_permissions(cluster["permissions"])),
    ]


def _source(source: Mapping[str, Any]) -> Iterator[str]:
    yield f"source {source['name']}: {source['target']}"
    if source["error"]:
        yield f"  {source['error']}"
    if source["resource"] is None:
        return
    yield f"  served as {source['resource']} of {source['apiVersion']}"
    yield from _indented(_permissions(source["permissions"]))
    if source["cursors"] is None:
        yield "  cursors: not asked, give --url"
    elif not source["cursors"]:
        yield "  cursors: none, it was never read"
    else:
        yield from _indented(_cursors(source["cursors"]))


def _sink(sink: Mapping[str, Any]) -> Iterator[str]:
    way = f" by way of {sink['proxy']}" if sink["proxy"] else ""
    yield f"sink {sink['name']}: {sink['server']}{way}"
    reached = "the proxy can be connected to" if way else "can be connected to"
    yield f"  {sink['error'] or reached}"


def _files(files: Mapping[str, Any]) -> list[str]:
    asked, got = files["sinksAsk"], files["sinksGet"]
    lowered = ": `concurrency` is lowered, raise `ulimit -n`" if got < asked else ""
    return [
        f"open files {files['limit']}",
        f"  connections to sinks: {got} of {asked}{lowered}",
    ]


def _permissions(rows: Sequence[Mapping[str, Any]]) -> str:
    return table(
        [
            {
                **row,
                "what": f"{row['resource']}/{row['name']}".rstrip("/"),
                "answer": _WORDS[row["allowed"]],
            }
            for row in rows
        ],
        _PERMISSIONS,
    )


def _cursors(rows: Sequence[Mapping[str, Any]]) -> str:
    return table(
        [
            {
                **row,
                "age": f"{_duration(row['ageSeconds'])} ago",
                "answer": _STATES[row["state"]],
            }
            for row in rows
        ],
        _CURSORS,
    )


def _duration(seconds: float) -> str:
    """Return a span as a person says it, in one unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]
