"""``kubebridge render``, ``explain``, ``test``: try a configuration, send nothing."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bridge.cli.options import ConfigPath
from bridge.cli.output import FAILED, UNUSABLE, Output, as_json, explained, fail, show

_MOST_BYTES = 8 << 20

EventFile = Annotated[
    str | None,
    typer.Option(
        "--event",
        metavar="FILE|-",
        help="A CloudEvent (JSON) or a Kubernetes Event (JSON or YAML); -: standard "
        "input; default: a sample, the BackOff of a Pod.",
        show_default=False,
    ),
]


def render(
    *,
    config: ConfigPath = None,
    sink: Annotated[str, typer.Option(help="Name of the sink.")],
    event: EventFile = None,
    output: Output = None,
) -> None:
    """Show the request that a sink would send for an event, and send nothing.

    No secret is read: each is shown as ***. Nothing is looked up in a cluster, so what
    `enrich` adds is there only if the event has it.
    """
    from bridge.events.encode import encode  # noqa: PLC0415  # imports everything
    from bridge.ingest.accept import EventForm  # noqa: PLC0415
    from bridge.operate.render import render_request  # noqa: PLC0415

    loaded = _loaded(config)
    settings = next((one for one in loaded.sinks if one.name == sink), None)
    if settings is None:
        names = ", ".join(one.name for one in loaded.sinks)
        raise fail(f"--sink {sink}: expected one of {names}", code=UNUSABLE)
    with explained():
        given = _given(event, loaded)
        form = EventForm(settings.profile, settings.data)
        request = render_request(settings, encode(given.form(form)))
    answer = {
        "sink": sink,
        "method": request.method or None,
        "url": request.url,
        "headers": dict(request.headers),
        "body": request.tree,
        "bytes": len(request.body),
    }
    show(answer, _request_text, output=output)


def _request_text(answer: Mapping[str, Any]) -> str:
    body = answer["body"]
    head = [f"{answer['method'] or 'WRITE'} {answer['url']}"]
    head += [f"{name}: {value}" for name, value in answer["headers"].items()]
    return "\n".join([*head, "", body if isinstance(body, str) else as_json(body)])


def explain(
    *, config: ConfigPath = None, event: EventFile = None, output: Output = None
) -> None:
    """Say for each route and each filter whether it matches an event, and why.

    Nothing is looked up in a cluster: labels are those that the event has in
    `involvedObject.labels`, and selectors of sources are not looked at.
    """
    import msgspec  # noqa: PLC0415  # imports everything

    from bridge.operate.explain import explain_event  # noqa: PLC0415

    loaded = _loaded(config)
    sinks = tuple(one.name for one in loaded.sinks)
    found = explain_event(_given(event, loaded), loaded.routes, sinks=sinks)
    show(msgspec.to_builtins(found), _explanation_text, output=output)


def _explanation_text(answer: Mapping[str, Any]) -> str:
    event = answer["event"]
    lines = [f"event {event['id']}: {event['type']} {event.get('subject', '')}"]
    lines.append(f"read by {', '.join(answer['sources']) or 'no source'}")
    for route in answer["routes"]:
        said = "takes it" if route["matched"] else "does not take it"
        sinks = ", ".join(route["sinks"]) or "no sink"
        lines.append(f"route {route['name']}, to {sinks}: {said}")
        lines += _condition_lines(route["conditions"], depth=1)
    lines.append(f"sinks: {', '.join(answer['sinks']) or 'none'}")
    return "\n".join(lines)


def _condition_lines(
    conditions: Sequence[Mapping[str, Any]], *, depth: int
) -> Iterator[str]:
    for one in conditions:
        yield f"{'  ' * depth}{'yes' if one['matched'] else 'no '} {one['text']}"
        yield from _condition_lines(one["parts"], depth=depth + 1)


def run_tests(*, config: ConfigPath = None, output: Output = None) -> None:
    """Run the routing tests of a configuration: `tests` in the file.

    Exit code 1 if one fails, or if there is none. Nothing is sent, no secret is read.
    """
    from bridge.config.parts import ingest_settings  # noqa: PLC0415  # imports everything
    from bridge.operate.routing_tests import run_routing_test  # noqa: PLC0415

    loaded = _loaded(config)
    settings = ingest_settings(loaded)
    results = [
        run_routing_test(one, settings=settings, sinks=loaded.sinks, recorded=_now())
        for one in loaded.tests
    ]
    failed = sum(bool(one.problems) for one in results)
    tests = [
        {"name": one.name, "passed": not one.problems, "problems": one.problems}
        for one in results
    ]
    show({"tests": tests, "failed": failed}, _tests_text, output=output)
    if not results:
        raise fail(f"{config}: expected tests, got none")
    if failed:
        raise typer.Exit(FAILED)


def _tests_text(answer: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for one in answer["tests"]:
        lines.append(f"{'ok  ' if one['passed'] else 'FAIL'} {one['name']}")
        lines += [f"     {problem}" for problem in one["problems"]]
    count, failed = len(answer["tests"]), answer["failed"]
    return "\n".join([*lines, f"{count} tests, {failed} failed"])


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _loaded(path: Path | None) -> Any:
    from bridge.config import load_config  # noqa: PLC0415
    from bridge.config.parts import find_unusable  # noqa: PLC0415  # imports everything

    with explained():
        return load_config(path, os.environ, check=find_unusable)


def _given(place: str | None, config: Any) -> Any:
    """Return the `GivenEvent` that an option names."""
    from bridge.config.parts import ingest_settings  # noqa: PLC0415
    from bridge.operate.sample import SAMPLE, read_event  # noqa: PLC0415

    found = SAMPLE if place is None else _read(place)
    with _about(place):
        return read_event(found, settings=ingest_settings(config), recorded=_now())


@contextmanager
def _about(place: str | None) -> Iterator[None]:
    """Say in the message of an error which event it is about."""
    from bridge.errors import KubebridgeError  # noqa: PLC0415

    try:
        yield
    except KubebridgeError as error:
        raise fail(f"--event {place}: {error}", code=UNUSABLE) from error


def _read(place: str) -> Any:
    """Return what is in a file of JSON or YAML; ``-`` is standard input."""
    import msgspec  # noqa: PLC0415

    from bridge.config.text import (  # noqa: PLC0415
        NotYamlError,
        decode_text,
        read_document,
    )
    from bridge.files.reading import read_file  # noqa: PLC0415

    try:
        if place == "-":
            raw = sys.stdin.buffer.read(_MOST_BYTES)
        else:
            raw = read_file(Path(place), most_bytes=_MOST_BYTES)
        if raw.lstrip()[:1] == b"{":
            return msgspec.json.decode(raw)
        return read_document(decode_text(raw, name=place), name=place).data
    except (OSError, ValueError, RecursionError, NotYamlError) as error:
        said = str(error) or type(error).__name__
        raise fail(f"--event {place}: cannot be read: {said}", code=UNUSABLE) from error


VERBS: Final[Mapping[str, Callable[..., None]]] = {
    "render": render,
    "explain": explain,
    "test": run_tests,
}
"""The verbs of the first level, by name."""
