"""Their layouts become bodies of ours: trees of templates.

A leaf of theirs is a text; numbers, booleans and null in a layout come out as null.
Ours keep them, and an expression that is a whole leaf keeps its type.
"""

import re
from typing import Any, Final

from bridge.migrate.go_template import convert_template
from bridge.migrate.go_values import GoTemplateError, quoted
from bridge.migrate.reading import Section
from bridge.migrate.report import ConversionReport
from bridge.migrate.writing import Comment
from bridge.sinks.formats.slack import escaped

_WHOLE_EVENT: Final = re.compile(r"\bobject\|tojson")
_ANNOTATION: Final = re.compile(r"involvedObject\.annotations\['([^'\\]+)'\]")
_ALL_ANNOTATIONS: Final = re.compile(r"involvedObject\.annotations(?!\[')")

_TAG: Final = re.compile(r"(\{\{ .*? \}\}|\{%.*?%\})", re.DOTALL)
"""What `go_template` writes between braces."""

_PATH: Final = re.compile(r"[a-z]\w*(\.\w+)+")
_SLACK_ESCAPES: Final = (
    "|replace('&', '&amp;')|replace('<', '&lt;')|replace('>', '&gt;')"
)
_OPTIONAL: Final = (
    *("reason", "message", "count", "type", "series", "action", "related"),
)


class LayoutConverter:
    """Converts the templates of one file.

    Attributes:
        cluster: The expression for the name of their cluster.
        needs_labels: Whether a template reads labels of the involved object.
        annotations: Names of the annotations that templates read.
    """

    def __init__(self, report: ConversionReport, *, cluster: str | None) -> None:
        """Convert nothing yet; `cluster` is their name of it, None: not known here."""
        self._report = report
        self.cluster = "cluster" if cluster is None else quoted(cluster)
        self.needs_labels = False
        self.annotations: dict[str, None] = {}

    def body(self, layout: Section) -> Any:
        """Return the body for a layout; without one, their whole Event."""
        if not layout:
            return self.whole_event(layout)
        made = self.tree(layout)
        text = (
            "texts that are one expression keep its type: numbers are numbers; a "
            "missing text is '', as there"
        )
        self._report.add(layout.line, "better", layout.thing, text)
        return made

    def whole_event(self, layout: Section) -> dict[str, Any]:
        """Return the body that is sent without a layout: the Event as JSON."""
        self.needs_labels = True
        text = (
            "the Event as JSON, as there; involvedObject has labels if it is a "
            "workload (enrich.kinds), no annotations, no ownerReferences"
        )
        self._report.add(layout.line, "better", layout.thing, text)
        names = ("source", "firstTimestamp", "lastTimestamp", "eventTime")
        always = (*names, "reportingComponent", "reportingInstance")
        return {
            "metadata": "{{ object.metadata }}",
            "involvedObject": "{{ object.involvedObject }}",
            **{name: f"{{{{ object.{name} or omit }}}}" for name in _OPTIONAL},
            **{name: f"{{{{ object.{name} }}}}" for name in always},
            "clusterName": f"{{{{ {self.cluster} }}}}",
        }

    def tree(self, layout: Section) -> Any:
        """Return a part of a layout; a `Comment` stands where a key was left out."""
        if layout.is_mapping:
            made: dict[str, Any] = {}
            for key, one in layout.entries():
                try:
                    made[key] = self.tree(one)
                except GoTemplateError as error:
                    made[self._left_out(key, one, error)] = None
            return made
        if layout.is_list:
            return [self.tree(one) for one in layout.items()]
        if isinstance(layout.data, str):
            return self.leaf(layout)
        if layout.data is not None:
            text = f"is {layout.text}; a value that is no text is null there"
            self._report.add(layout.line, "better", layout.thing, text)
        return layout.data

    def _left_out(self, key: str, one: Section, error: GoTemplateError) -> Comment:
        self._report.add(one.line, "none", one.thing, f"left out: {error}")
        return Comment(f"{key} (line {one.line} of theirs) is left out: {error}")

    def leaf(self, text: Section) -> str:
        """Return the template for one text.

        Raises:
            GoTemplateError: Something of it has no equivalent.
        """
        made = convert_template(text.text, cluster=self.cluster)
        self._tell_reads(text, made.text)
        for note in made.notes:
            self._report.add(text.line, "better", text.thing, note)
        if _WHOLE_EVENT.search(made.text):
            note = "the Event as the API server gave it, without clusterName"
            self._report.add(text.line, "better", text.thing, note)
        return made.text

    def optional(self, text: Section) -> str | None:
        """Return the template for one text; None: there is none, or it is left out."""
        if not text.text:
            return None
        try:
            return self.leaf(text)
        except GoTemplateError as error:
            self._report.add(text.line, "none", text.thing, f"left out: {error}")
            return None

    def _tell_reads(self, text: Section, made: str) -> None:
        self.needs_labels |= "involvedObject.labels" in made
        self.annotations |= dict.fromkeys(_ANNOTATION.findall(made))
        if _ALL_ANNOTATIONS.search(made):
            note = (
                "annotations are added by name alone: name them in "
                "sources[0].enrich.annotations"
            )
            self._report.add(text.line, "none", text.thing, note)


def slack_text(text: str) -> str:
    """Return a template whose texts mention nobody: they escape all of a message."""
    parts = _TAG.split(text)
    for place, part in enumerate(parts):
        if part.startswith("{{ "):
            parts[place] = f"{{{{ {_present(part)}{_SLACK_ESCAPES} }}}}"
        elif place % 2 == 0:
            parts[place] = escaped(part)
    return "".join(parts)


def expression_of(body: Any) -> str:
    """Return one expression for a tree of templates."""
    if isinstance(body, dict):
        pairs = (
            f"{quoted(key)}: {expression_of(one)}"
            for key, one in body.items()
            if not isinstance(key, Comment)
        )
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(body, list):
        return f"[{', '.join(map(expression_of, body))}]"
    if isinstance(body, str):
        return _expression_of_text(body)
    return {"None": "none", "True": "true", "False": "false"}.get(str(body), str(body))


def _expression_of_text(text: str) -> str:
    parts = [part for part in _TAG.split(text) if part]
    if any(part.startswith("{%") for part in parts):
        raise GoTemplateError(
            "if and range within the layout of Loki have no equivalent, for its line "
            "is one expression; ternary can be converted"
        )
    made = (
        _present(part) if part.startswith("{{ ") else quoted(part) for part in parts
    )
    return " ~ ".join(made) or "''"


def _present(tag: str) -> str:
    """Return the expression of a tag; null, which is nothing in a text, as ''."""
    inner = tag[3:-3]
    return f"({inner} or '')" if _PATH.fullmatch(inner) else f"({inner})"
