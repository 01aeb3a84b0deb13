"""``kubebridge events``, ``deliveries`` and ``dead-letters``."""

from enum import StrEnum
from typing import Annotated

import typer

from bridge.cli.client import Api
from bridge.cli.listing import Listing, Paging
from bridge.cli.options import Handle, JsonObject, SinkName, selects, with_options
from bridge.cli.output import UNUSABLE, Yes, as_json, confirm, fail, table

events = typer.Typer(help="Events still stored.", no_args_is_help=True)
deliveries = typer.Typer(
    help="Events on their way to sinks, and afterwards.", no_args_is_help=True
)
dead_letters = typer.Typer(help="Deliveries that were given up.", no_args_is_help=True)

_EVENTS = {
    "handle": "HANDLE",
    "stored": "STORED",
    "waiting": "WAITING FOR",
    "reason": "REASON",
    "subject": "SUBJECT",
    "id": "ID",
}
_DELIVERIES = {
    "handle": "HANDLE",
    "sink": "SINK",
    "state": "STATE",
    "attempts": "ATTEMPTS",
    "status": "STATUS",
    "reason": "REASON",
    "due": "DUE",
    "subject": "SUBJECT",
    "id": "ID",
}
_LETTERS = {
    "handle": "HANDLE",
    "sink": "SINK",
    "died": "DIED",
    "attempts": "ATTEMPTS",
    "status": "STATUS",
    "reason": "REASON",
    "id": "ID",
}
_ATTEMPTS = {
    "number": "ATTEMPT",
    "at": "AT",
    "durationSeconds": "SECONDS",
    "ending": "ENDING",
    "status": "STATUS",
    "reason": "REASON",
    "excerpt": "ANSWER",
}
_LONGEST_CELL = 80


class State(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class InState(StrEnum):
    """How far the listed deliveries have come."""

    ALL = "all"
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


All = Annotated[
    bool,
    typer.Option("--all", help="All there are, or all that other options select."),
]


@events.command("list")
@with_options(selection=selects("since", "attribute"), paging=Paging, api=Api)
def list_events(
    *,
    selection: JsonObject,
    sink: Annotated[
        str | None,
        typer.Option(help="Only those waiting for this sink.", show_default=False),
    ] = None,
    paging: Paging,
    api: Api,
) -> None:
    """List stored events, newest first."""
    Listing(
        api,
        "events",
        selection | {"waiting": sink},
        _EVENTS,
        row=lambda one: one | one["attributes"],
    ).show(paging)


@events.command("show")
@with_options(api=Api)
def show_event(handle: Handle, api: Api) -> None:
    """Show one event whole."""
    api.show(api.get("events", handle), as_json)


@events.command("replay")
@with_options(api=Api)
def replay_events(
    sink: Annotated[str, typer.Argument(help="Where to.")],
    handles: Annotated[list[str], typer.Argument(help="Of which events.")],
    api: Api,
) -> None:
    """Deliver stored events to a sink again, with their own ids."""
    body = {"toSink": sink, "handles": handles}
    api.show(api.post("events", "replay", body=body), _replayed)


@deliveries.command("list")
@with_options(selection=selects(), paging=Paging, api=Api)
def list_deliveries(
    *,
    state: Annotated[
        InState, typer.Option("--state", help="How far they have come.")
    ] = InState.ALL,
    selection: JsonObject,
    paging: Paging,
    api: Api,
) -> None:
    """List deliveries, newest first."""
    selection |= {"state": state.value}
    Listing(api, "deliveries", selection, _DELIVERIES).show(paging)


@deliveries.command("show")
@with_options(api=Api)
def show_delivery(handle: Handle, sink: SinkName, api: Api) -> None:
    """Show one delivery with every attempt that is remembered."""
    api.show(api.get("deliveries", handle, sink), _delivery_text)


@deliveries.command("replay")
@with_options(selection=selects(), api=Api)
def replay_deliveries(
    *,
    handles: Annotated[
        list[str] | None,
        typer.Argument(
            help="Of events (e1) or dead letters (d1); else all that is selected."
        ),
    ] = None,
    to_sink: Annotated[str, typer.Option(help="Sink to deliver them to.")],
    backfill: Annotated[
        bool,
        typer.Option(
            "--backfill",
            help="What its routes lead there; then also what the API server holds.",
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Everything that is stored.")
    ] = False,
    state: Annotated[
        State | None,
        typer.Option(
            "--state",
            help="Events of deliveries in this state; default: all that are stored.",
            show_default=False,
        ),
    ] = None,
    selection: JsonObject,
    api: Api,
) -> None:
    """Deliver events to a sink again, with their own ids."""
    body = selection
    if state is not None:
        body["state"] = state.value
    if handles and (body or backfill or every):
        raise fail("expected either handles or options that select", code=UNUSABLE)
    if not (handles or body or backfill or every):
        raise fail("expected handles, --all, or options that select", code=UNUSABLE)
    if handles:
        body["handles"] = handles
    body |= {"toSink": to_sink, "backfill": backfill}
    api.show(api.post_all("deliveries", "replay", body=body), _reached)


@deliveries.command("purge")
@with_options(
    selection=selects("route", "since", "until", "attribute", "reason"), api=Api
)
def purge_deliveries(
    sink: Annotated[str, typer.Argument(help="Whose waiting deliveries.")],
    *,
    selection: JsonObject,
    yes: Yes = False,
    api: Api,
) -> None:
    """End deliveries that wait for a sink, for good."""
    confirm(f"End these deliveries that wait for sink {sink}?", yes=yes)
    answer = api.post_all("deliveries", "purge", body={"sink": sink, **selection})
    api.show(answer, lambda one: f"{one['purged']} deliveries ended")


Handles = Annotated[list[str] | None, typer.Argument(help="Of which ones; or --all.")]


@dead_letters.command("list")
@with_options(selection=selects(), paging=Paging, api=Api)
def list_dead_letters(*, selection: JsonObject, paging: Paging, api: Api) -> None:
    """List dead letters, newest first."""
    Listing(api, "dead-letters", selection, _LETTERS).show(paging)


@dead_letters.command("show")
@with_options(api=Api)
def show_dead_letter(handle: Handle, api: Api) -> None:
    """Show one dead letter with its event, its attempts and the last answer."""
    api.show(api.get("dead-letters", handle), _letter_text)


@dead_letters.command("replay")
@with_options(selection=selects(), api=Api)
def replay_dead_letters(
    *,
    handles: Handles = None,
    every: All = False,
    to_sink: Annotated[
        str | None,
        typer.Option(help="Another sink to deliver them to.", show_default=False),
    ] = None,
    selection: JsonObject,
    api: Api,
) -> None:
    """Deliver dead letters again, with their own ids."""
    body = _chosen(handles, selection, every=every)
    if to_sink is not None:
        body["toSink"] = to_sink
    api.show(api.post_all("dead-letters", "replay", body=body), _replayed)


@dead_letters.command("purge")
@with_options(selection=selects(), api=Api)
def purge_dead_letters(
    *,
    handles: Handles = None,
    every: All = False,
    selection: JsonObject,
    yes: Yes = False,
    api: Api,
) -> None:
    """Throw dead letters away, for good."""
    body = _chosen(handles, selection, every=every)
    which = "the dead letters that are selected" if selection else "all dead letters"
    if handles:
        which = f"{len(handles)} dead letters"
    confirm(f"Throw away {which}?", yes=yes)
    answer = api.post_all("dead-letters", "purge", body=body)
    api.show(answer, lambda one: f"{one['purged']} dead letters gone")


def _chosen(
    handles: list[str] | None, selection: JsonObject, *, every: bool
) -> JsonObject:
    if bool(handles) == every:
        raise fail("expected either handles or --all", code=UNUSABLE)
    if selection and not every:
        name = next(iter(selection))
        raise fail(f"expected --{name} only beside --all", code=UNUSABLE)
    return {"handles": handles} if handles else {"all": True, **selection}


def attempts_table(tries: list[JsonObject]) -> str:
    """Return attempts for a person; of an answer only the beginning."""
    rows = [one | {"excerpt": one["excerpt"][:_LONGEST_CELL]} for one in tries]
    return table(rows, _ATTEMPTS)


def _delivery_text(delivery: JsonObject) -> str:
    parts = [table([delivery], _DELIVERIES), "", attempts_table(delivery["tries"])]
    if delivery["content"] is not None:
        parts += ["", as_json(delivery["content"])]
    return "\n".join(parts)


def _letter_text(letter: JsonObject) -> str:
    parts = [table([letter], _LETTERS), "", attempts_table(letter["tries"])]
    return "\n".join([*parts, "", as_json(letter["event"])])


def _replayed(answer: JsonObject) -> str:
    return f"{answer['replayed']} replayed, {answer['skipped']} skipped"


def _reached(answer: JsonObject) -> str:
    lines = [_replayed(answer)]
    if answer["oldest"] is not None:
        lines.append(f"{answer['kept']} were stored, since {answer['oldest']}")
    for one in answer["listed"]:
        oldest = "" if one["oldest"] is None else f", the oldest of {one['oldest']}"
        lines.append(
            f"{one['replayed']} from a list of {one['listed']} {one['resource']}"
            f" in {one['namespace']}{oldest}"
        )
    return "\n".join(lines)
