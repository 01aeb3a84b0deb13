"""``kubebridge sources``, ``cursors``, ``sinks`` and ``send-test``."""

from typing import Annotated

import typer

from bridge.cli.client import Api
from bridge.cli.deliveries import attempts_table
from bridge.cli.options import JsonObject, SinkName, with_options
from bridge.cli.output import (
    FAILED,
    OutputFormat,
    Yes,
    age,
    confirm,
    echo,
    is_json,
    table,
)

sources = typer.Typer(help="What is read.", no_args_is_help=True)
cursors = typer.Typer(help="Where reading goes on.", no_args_is_help=True)
sinks = typer.Typer(help="Where events go.", no_args_is_help=True)

_SOURCES = {
    "sources": "SOURCES",
    "resource": "RESOURCE",
    "namespace": "NAMESPACE",
    "state": "STATE",
    "resourceVersion": "VERSION",
    "lastProgress": "LAST PROGRESS",
    "gaps": "GAPS",
    "error": "ERROR",
}
_OBJECTS = {
    "resource": "RESOURCE",
    "namespace": "NAMESPACE",
    "name": "NAME",
    "resourceVersion": "VERSION",
    "owner": "OWNER",
    "labels": "LABELS",
}
_CURSORS = {
    "id": "ID",
    "cluster": "CLUSTER",
    "resource": "RESOURCE",
    "namespace": "NAMESPACE",
    "fieldSelector": "FIELDS",
    "labelSelector": "LABELS",
    "resourceVersion": "VERSION",
    "moved": "MOVED",
    "inUse": "IN USE",
}
_SINKS = {
    "name": "NAME",
    "state": "STATE",
    "backlog": "WAITING",
    "delivered": "DELIVERED",
    "deadLetters": "DEAD",
    "success": "TAKEN",
    "failure": "FAILED",
    "why": "WHY",
}
_WIDE_SINKS = {
    "name": "NAME",
    "configured": "CONFIGURED",
    "state": "STATE",
    "backlog": "WAITING",
    "oldestAgeSeconds": "OLDEST (S)",
    "leased": "LEASED",
    "delayed": "DELAYED",
    "delivered": "DELIVERED",
    "deadLetters": "DEAD",
    "lastSuccessAt": "TAKEN",
    "lastErrorAt": "FAILED",
    "why": "WHY",
    "until": "NEXT TRY",
    "lastError": "LAST ERROR",
}

CursorId = Annotated[
    str, typer.Argument(metavar="ID", help="As `cursors list` shows it.")
]


@sources.command("list")
@with_options(api=Api)
def list_sources(api: Api) -> None:
    """List the readers; sources with the same scope share one."""
    api.show(api.get("sources"), lambda one: table(one["items"], _SOURCES))


@sources.command("objects")
@with_options(api=Api)
def list_objects(
    source: Annotated[str, typer.Argument(help="Name of the source.")],
    *,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", help="Only objects in this namespace.", show_default=False
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner",
            help="Only objects whose controller has this uid.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="KEY=VALUE",
            help="Only objects with this label; all of several.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Most objects to list.")
    ] = 50,
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            help="Where to go on: what the list before said at its end.",
            show_default=False,
        ),
    ] = None,
    api: Api,
) -> None:
    """List the objects that a source knows, by resource, namespace and name."""
    answer = api.pages(
        *("sources", source, "objects"),
        limit=limit,
        after=after,
        namespace=namespace,
        owner=owner,
        label=label or None,
    )
    del answer["follow"]  # objects have no order in time
    api.show(answer, lambda one: table(map(_object_row, one["items"]), _OBJECTS))
    if answer["next"] is not None and not is_json(api.output):
        echo(f"there are more: --after '{answer['next']}' goes on", err=True)


def _object_row(one: JsonObject) -> JsonObject:
    owner, labels = one.get("owner"), one.get("labels")
    pairs = sorted(labels.items()) if isinstance(labels, dict) else ()
    return one | {
        "owner": f"{owner.get('kind')}/{owner.get('name')}"
        if isinstance(owner, dict)
        else "",
        "labels": ",".join(f"{key}={value}" for key, value in pairs),
    }


@cursors.command("list")
@with_options(api=Api)
def list_cursors(api: Api) -> None:
    """List all cursors, also those that no source uses any more."""
    api.show(api.get("cursors"), lambda one: table(one["items"], _CURSORS))


@cursors.command("set")
@with_options(api=Api)
def set_cursor(
    cursor: CursorId,
    version: Annotated[str, typer.Argument(help="resourceVersion to go on from.")],
    *,
    yes: Yes = False,
    api: Api,
) -> None:
    """Go on from another version; what is skipped is lost, the rest repeated."""
    confirm(f"Go on from {version}, and skip what lies between?", yes=yes)
    answer = api.put("cursors", cursor, body={"resourceVersion": version})
    api.show(answer, lambda one: table([one], _CURSORS))


@cursors.command("reset")
@with_options(api=Api)
def reset_cursor(cursor: CursorId, *, yes: Yes = False, api: Api) -> None:
    """Forget a cursor: reading starts again, as the source's `initial` says."""
    confirm(f"Forget cursor {cursor}, and what was known at it?", yes=yes)
    api.delete("cursors", cursor)
    api.show({"reset": cursor}, lambda _: f"cursor {cursor} forgotten")


@sinks.command("list")
@with_options(api=Api)
def list_sinks(api: Api) -> None:
    """List sinks with their state and backlog, also those no longer configured.

    What they have taken counts from the start of the bridge. Why: what holds a sink
    back, or what its last attempt failed of; an error that is over is in `-o wide`.
    """
    columns = _WIDE_SINKS if api.output is OutputFormat.WIDE else _SINKS
    api.show(api.get("sinks"), lambda one: table(map(_sink_row, one["items"]), columns))


@sinks.command("pause")
@with_options(api=Api)
def pause_sink(
    sink: SinkName,
    *,
    reason: Annotated[
        str,
        typer.Option("--reason", help="Why; shown beside the state.", metavar="TEXT"),
    ] = "",
    api: Api,
) -> None:
    """Send a sink nothing until it is resumed, also after a restart."""
    answer = api.post("sinks", sink, "pause", body={"reason": reason})
    api.show(answer, lambda _: f"sink {sink} gets nothing until resumed")


@sinks.command("resume")
@with_options(api=Api)
def resume_sink(sink: SinkName, api: Api) -> None:
    """Try a sink at once, in any state."""
    api.show(api.post("sinks", sink, "resume"), lambda _: f"sink {sink} is tried now")


@sinks.command("purge")
@with_options(api=Api)
def purge_sink(sink: SinkName, *, yes: Yes = False, api: Api) -> None:
    """End all deliveries that wait for a sink, for good."""
    confirm(f"End all deliveries that wait for sink {sink}?", yes=yes)
    answer = api.post("sinks", sink, "purge")
    api.show(answer, lambda one: f"{one['purged']} deliveries ended")


@with_options(api=Api)
def send_test(
    sink: SinkName,
    timeout: Annotated[
        float,
        typer.Option(min=0, max=50, help="Seconds to wait for the attempt."),
    ] = 30.0,
    *,
    api: Api,
) -> None:
    """Send a synthetic event to a sink, and print the result.

    A sink that is resting, paused or circuit-open is tried at once; one that an
    operator has stopped is left alone.
    """
    answer = api.post("sinks", sink, "test", body={"timeoutSeconds": timeout})
    api.show(answer, _probe_text)
    if answer.get("outcome") != "delivered":
        raise typer.Exit(FAILED)


def _sink_row(sink: JsonObject) -> JsonObject:
    why = sink["reason"] or (sink["lastError"] if sink["failing"] else "")
    return sink | {
        "why": why if sink["configured"] else "not configured",
        "success": age(sink["lastSuccessAt"]),
        "failure": age(sink["lastErrorAt"]),
    }


def _probe_text(answer: JsonObject) -> str:
    said = {
        "delivered": "delivered",
        "waiting": "not tried in time, and taken back",
        "held": "not sent" if not answer["id"] else "not tried, and taken back",
    }.get(answer["outcome"], "not delivered, and taken back")
    lines = [f"{answer['id'] or 'test'} to {answer['sink']}: {said}"]
    if answer["reason"]:
        lines.append(f"the sink is held back: {answer['reason']}")
    if answer["outcome"] == "held":
        lines.append(_advice(answer))
    if answer["tries"]:
        lines.append(attempts_table(answer["tries"]))
    return "\n".join(lines)


def _advice(answer: JsonObject) -> str:
    sink = answer["sink"]
    if not answer["id"]:
        return f"to try it: kubebridge sinks resume {sink}"
    return (
        "what waits longest was tried just now, and failed: "
        f"kubebridge deliveries list --sink {sink} --state waiting"
    )
