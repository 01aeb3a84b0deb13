"""Read fields of an Event by Go's names and kinds, as templates of the exporter do.

In Go a field that is not there is the zero value of its type, ``""`` or ``0``; here it
is null. So a text is written ``(object.message or '')`` wherever that matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bridge.errors import KubebridgeError

Kind = Literal["text", "number", "bool", "map", "list", "struct", "time", "any"]


class GoTemplateError(KubebridgeError, ValueError):
    """A template of theirs has no equivalent here; the message says why."""


@dataclass(frozen=True, slots=True)
class Struct:
    """The fields of a Go type, by name."""

    fields: Mapping[str, "GoField"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GoField:
    """A field: its name in JSON, its kind, and what is in it.

    Attributes:
        name: In JSON; empty: its fields are those of the object around it.
        kind: What it is.
        inner: Its fields; None: it has none.
        element: The fields of an element of a list; None: elements are texts.
        sure: Whether every Event has it.
    """

    name: str
    kind: Kind = "text"
    inner: Struct | None = None
    element: Struct | None = None
    sure: bool = False


@dataclass(frozen=True, slots=True)
class GoValue:
    """An expression of ours, and what is known of its value.

    Attributes:
        text: The expression; it stands beside any operator.
        kind: Of its value.
        struct: Its fields; None: it has none.
        element: The fields of its elements; None: they are texts.
        bare: The expression where null is as good as nothing; empty: `text`.
    """

    text: str
    kind: Kind = "any"
    struct: Struct | None = None
    element: Struct | None = None
    bare: str = ""

    @property
    def shown(self) -> str:
        """The expression within a text, where null is nothing."""
        return self.bare or self.text


def quoted(text: str) -> str:
    """Return a text as an expression writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return "'" + escaped.replace("\t", "\\t").replace("\r", "\\r") + "'"


_OWNER: Final = Struct(
    {
        "APIVersion": GoField("apiVersion"),
        "Kind": GoField("kind"),
        "Name": GoField("name"),
        "UID": GoField("uid"),
    }
)
_REFERENCE: Final = {
    "Kind": GoField("kind"),
    "Namespace": GoField("namespace"),
    "Name": GoField("name"),
    "UID": GoField("uid"),
    "APIVersion": GoField("apiVersion"),
    "ResourceVersion": GoField("resourceVersion"),
    "FieldPath": GoField("fieldPath"),
}
_METADATA: Final = {
    "Name": GoField("name", sure=True),
    "Namespace": GoField("namespace", sure=True),
    "UID": GoField("uid", sure=True),
    "ResourceVersion": GoField("resourceVersion", sure=True),
    "CreationTimestamp": GoField("creationTimestamp", "time"),
    "Labels": GoField("labels", "map"),
    "Annotations": GoField("annotations", "map"),
}
_METADATA_FIELD: Final = GoField("metadata", "struct", Struct(_METADATA))
_EVENT: Final = {
    "Message": GoField("message"),
    "Reason": GoField("reason"),
    "Type": GoField("type"),
    "Action": GoField("action"),
    "Count": GoField("count", "number"),
    "ReportingController": GoField("reportingComponent"),
    "ReportingInstance": GoField("reportingInstance"),
    "FirstTimestamp": GoField("firstTimestamp", "time"),
    "LastTimestamp": GoField("lastTimestamp", "time"),
    "EventTime": GoField("eventTime", "time"),
    "Source": GoField(
        "source",
        "struct",
        Struct({"Component": GoField("component"), "Host": GoField("host")}),
    ),
    "Series": GoField(
        "series",
        "struct",
        Struct(
            {
                "Count": GoField("count", "number"),
                "LastObservedTime": GoField("lastObservedTime", "time"),
            }
        ),
    ),
    "Related": GoField("related", "struct", Struct(_REFERENCE)),
    "ObjectMeta": _METADATA_FIELD,
}
_INVOLVED: Final = Struct(
    {
        **_REFERENCE,
        "ObjectReference": GoField("", "struct", Struct(_REFERENCE)),
        "Labels": GoField("labels", "map"),
        "Annotations": GoField("annotations", "map"),
    }
)

EVENT: Final = Struct(
    {
        **_EVENT,
        "Event": GoField("", "struct", Struct(_EVENT)),
        "InvolvedObject": GoField("involvedObject", "struct", _INVOLVED),
    }
)
"""The value of ``.`` in their templates."""

_FIRST_TIME: Final = "(object.firstTimestamp or object.eventTime)"
_IN_MILLISECONDS: Final = (
    "((object.firstTimestamp[:19] ~ '.000Z') if object.firstTimestamp "
    "else (object.eventTime[:23] ~ 'Z'))"
)

METHODS: Final = {
    "GetTimestampMs": GoValue(f"({_FIRST_TIME}|unixms)", "number"),
    "GetTimestampISO8601": GoValue(_IN_MILLISECONDS, "text"),
}
"""What they add to an Event."""


def field_of(value: GoValue, name: str) -> GoValue:
    """Return a field of a value, as ``.Name`` reads it.

    Raises:
        GoTemplateError: There is no such field.
    """
    if value.kind == "map":
        inner = f"{value.shown}[{quoted(name)}]"
        return GoValue(f"({inner} or '')", "text", bare=inner)
    fields = value.struct.fields if value.struct is not None else {}
    base = value.shown
    if name in fields:
        return _read(base, fields[name])
    if value.struct is EVENT and name in _METADATA:
        return _read(f"{base}.metadata", _METADATA[name])
    if name in {"OwnerReferences", "Deleted"}:
        raise GoTemplateError(
            f".{name} is not added here; with enrich.owner the attributes "
            "event.ownerkind and event.ownername name the top of the owners"
        )
    raise GoTemplateError(f"there is no field .{name} that is known here")


def _read(base: str, found: GoField) -> GoValue:
    path = f"{base}.{found.name}" if found.name else base
    fallback = {"text": "''", "number": "0"}.get(found.kind)
    if fallback is None or found.sure:
        return GoValue(path, found.kind, found.inner, found.element)
    text = f"({path} or {fallback})"
    return GoValue(text, found.kind, bare=path if found.kind == "text" else text)
