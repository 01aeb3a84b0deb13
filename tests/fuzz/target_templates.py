"""Templates and expressions: whatever stands in them, requests are well formed."""

import json
import resource
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from yarl import URL

from bridge.errors import FilterError, PermanentSinkError
from bridge.events import CloudEvent
from bridge.events.encode import encode
from bridge.filters.subscriptions import compile_filters
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.template import TemplateConfig, TemplateFormat
from bridge.sinks.http.classify import ResponseClassifier
from bridge.templates.syntax import FILTERS, TESTS
from tests.fuzz.campaign import Finding

CANARY = "hunter2canary"
"""A value of the event: it is in no message."""

MOST_SECONDS = 2.0
MOST_KIB = 200 * 1024
HOST = URL("https://receiver.example/base?key=1")

OBJECT: Mapping[str, Any] = {
    "reason": "BackOff",
    "message": f'Back-off "restarting" <b> {{{{ x }}}} \u2028 \ud7ff {CANARY}',
    "count": 7,
    "big": 2**70,
    "ratio": 1.5,
    "nothing": None,
    "ok": True,
    "labels": {"app.kubernetes.io/name": CANARY, "items": 1, "": ""},
    "lines": [1, [2, [3]], {"a": CANARY}],
}


class TemplatesRun:
    """Uses one text as an expression, and as all parts of a request."""

    async def try_one(self, data: bytes) -> None:
        """See `Run`; behind a NUL there may be the object of the event, in JSON."""
        self.try_text(*data.decode("utf-8", "replace").partition("\0")[::2])

    def try_text(self, text: str, raw: str) -> None:
        """Use a text with an object in JSON; another text: with one that is known."""
        event = _event(raw)
        began, before = time.process_time(), _peak_kib()
        try:
            self._filter(text, event)
            for settings in _settings(text):
                self._render(text, settings, event)
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            raise Finding(f"panic: {type(error).__name__}") from error
        seconds = time.process_time() - began
        if seconds > MOST_SECONDS:
            raise Finding(f"slow: {seconds:.1f} s")
        if _peak_kib() - before > MOST_KIB:
            raise Finding("large: too much memory")

    def _filter(self, text: str, event: CloudEvent) -> None:
        try:
            passes = compile_filters([{"when": text}])
        except FilterError as error:
            _check_message(str(error), text)
            return
        passes(event)

    def _render(self, text: str, settings: dict[str, Any], event: CloudEvent) -> None:
        try:
            config = TemplateConfig(type="template", **settings)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                _check_message(one["msg"], text)
            return
        made = TemplateFormat(
            classifier=ResponseClassifier("hook"), sink="hook", settings=config
        )
        try:
            request = made.render(HOST, [encode(event)])
        except PermanentSinkError as error:
            _check_message(str(error), text)
            return
        _check_request(request, config.content_type)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _check_request(request: SinkRequest, content_type: str) -> None:
    url = str(request.url)
    if request.url.origin() != HOST.origin():
        raise Finding(f"another host: {url!r}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Finding(f"bad url: {url!r}")
    if content_type == "application/json":
        json.loads(request.body)
    for name, value in request.fields:
        if not (name + value).decode("ascii").isprintable():
            raise Finding(f"bad field: {value!r}")


def _settings(text: str) -> Sequence[dict[str, Any]]:
    return (
        {"body": {"a": text, "b": [text, text]}},
        {"body": text},
        {"body": text, "contentType": "text/plain"},
        {"body": {}, "path": text},
        {"body": {}, "query": {"q": text}},
        {"body": {}, "headers": {"X-A": text}},
    )


def _event(raw: str) -> CloudEvent:
    try:
        object_ = json.loads(raw)
        data = msgspec.json.encode(object_)
    except (ValueError, RecursionError):
        data = msgspec.json.encode(OBJECT)
    event = CloudEvent(
        id="1",
        source="kubernetes://prod",
        type="io.kubebridge.event.warning.v1",
        extensions={"cluster": "prod", "reason": "BackOff", "count": 7},
    )
    msgspec.structs.force_setattr(event, "data", data)
    return event


def _check_message(message: str, text: str) -> None:
    if CANARY in message and CANARY not in text:
        raise Finding(f"value: in the message {message!r}")


class TemplatesTarget:
    """Texts of templates, with objects to fill them."""

    name = "templates"
    at_once = 1
    words: Sequence[bytes] = tuple(
        word.encode()
        for word in (
            *("{{ ", " }}", "{% ", " %}", "{# ", " #}", "{%- ", " -%}", "|", "(", ")"),
            *("[", "]", "[:1]", "[0]", "['a']", ", ", "'", '"', "\\", "\n", "\0", "~"),
            *("if ", "elif ", "else", "endif", "for x in ", "endfor", " in ", " not "),
            *("and ", "or ", "is ", "range(9)", "range(99999)", "loop.index", "omit"),
            *(
                "event",
                "object",
                "previous",
                "cluster",
                ".reason",
                ".message",
                ".lines",
            ),
            *(
                ".labels",
                ".items",
                ".count",
                ".big",
                ".nothing",
                "none",
                "true",
                "_put",
            ),
            *("+ ", "- ", "/ ", "// ", "% ", "** ", "== ", "> ", "1e309", "9" * 40),
            *(
                "raw",
                "endraw",
                "set x = 1",
                "macro m()",
                "include 'x'",
                "import",
                "do ",
            ),
            *(f"|{name}" for name in sorted(FILTERS)),
            *(f" is {name}" for name in sorted(TESTS)),
            *('{"message": "a", "count": "b"}', "[[[]]]", "\u2028", "é", "\ud7ff"),
        )
    )

    def seeds(self) -> Mapping[str, bytes]:
        """See `Target`."""
        texts = {
            "expression": "object.count > 3 and 'OOM' in object.message",
            "value": "{{ object.labels }}",
            "text": "{{ event.reason }}: {{ object.message|truncate(20) }} {{ omit }}",
            "if": "{% if object.ok %}yes{% elif cluster %}{{ cluster }}{% endif %}",
            "for": "{% for x in object.lines %}{{ x }}{{ loop.index }}{% endfor %}",
            "items": "{% for k, v in object.labels|items %}{{ k }}={{ v }}{% endfor %}",
            "note": "{# note #}{{ object.nothing.at.all|default('x') }}",
            "sum": "{{ object.lines|map('string')|join(',') }}",
            "json": '{"a": {{ object|tojson }}}',
            "format": "{{ '%s and %5.1f'|format(object.message, object.ratio) }}",
            "slice": "{{ object.message[:3] ~ object.message[-3:] }}",
            "object": '{{ object.a.b }}\0{"a": {"b": [1, 2, {"c": null}]}}',
            "deep": "{{ object }}\0" + "[" * 400 + "]" * 400,
            "fails": "{{ object.message + 1 }}",
            "fails-item": "{{ object.labels < object.lines }}{{ object.message|int }}",
        }
        return {name: text.encode() for name, text in texts.items()}

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[TemplatesRun]:
        """See `Target`."""
        yield TemplatesRun()
