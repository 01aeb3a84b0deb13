"""Settings of sources: an item of `sources` of the configuration."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, model_validator

from bridge.cluster.settings import Target, group_of
from bridge.errors import FilterError
from bridge.events.paths import parse_path
from bridge.settings.model import Model, fault, mismatch
from bridge.settings.units import Duration, format_duration
from bridge.settings.values import (
    AnnotationName,
    ApiVersion,
    Kind,
    Name,
    NamespaceName,
    ResourceName,
    each_once,
    is_name,
    not_empty,
)

EVENTS_NAME: Final = "events"
"""Name of a source of Kubernetes Events that is given no other name."""

_SHORTEST_RESYNC = 60.0
_ALWAYS = (
    "metadata.managedFields",
    "metadata.resourceVersion",
    "metadata.generation",
)


def _not_too_often(seconds: float) -> float:
    if seconds < _SHORTEST_RESYNC:
        raise mismatch(f"expected at least {format_duration(_SHORTEST_RESYNC)}")
    return seconds


def _object_path(text: str) -> str:
    try:
        return parse_path(text)
    except FilterError as error:
        raise mismatch(str(error)) from None


ObjectPath = Annotated[str, AfterValidator(_object_path)]
"""A place in an object, e.g. `spec.replicas`."""


def _without_secrets(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if "Secret" in kinds:
        raise fault("expected other kinds than Secret: nothing of one is added")
    return kinds


class EnrichConfig(Model):
    """Additions to a Kubernetes Event from the object that it is about.

    They come from watches of these kinds, never from a request for each event.
    """

    labels: bool = False
    """Whether `data` gets all labels of that object, as `involvedObject.labels`."""

    annotations: Annotated[tuple[AnnotationName, ...], AfterValidator(each_once)] = ()
    """Names of the annotations that `data` gets, as `involvedObject.annotations`;
    empty: none. Chosen by name, because they may be large or confidential."""

    owner: bool = False
    """Whether the event names the top of the chain of controllers, e.g. the Deployment
    of a Pod: attributes `ownerkind` and `ownername`, and `involvedObject.owner` in
    `data`."""

    kinds: Annotated[
        tuple[Kind, ...],
        AfterValidator(not_empty),
        AfterValidator(each_once),
        AfterValidator(_without_secrets),
    ] = (
        *("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"),
        *("Job", "CronJob"),
    )
    """Kinds of objects that are looked up, owners included; of others nothing is
    added. By default the workloads, which nearly all Events are about: each kind is a
    watch of its own."""


class SourceConfig(Model):
    """One kind of objects to watch, by apiVersion and kind or by resource."""

    name: Name = "events"
    """Name in routes; by default `events` for Kubernetes Events, else the plural
    in `resource`, or `kind` in lower case. The queue's cursors do not depend on it."""

    api_version: ApiVersion | None = None
    """Group and version of the kind, e.g. `apps/v1`; null: `v1`, beside `resource` the
    version that the API server prefers. `v1` and `events.k8s.io/v1` are the same
    Events."""

    kind: Kind | None = None
    """Kind of object, e.g. `Deployment`; null: `Event`, unless `resource` is there."""

    resource: ResourceName | None = None
    """Instead of `kind`: plural and API group, e.g. `deployments.apps` or `pods`; null:
    `kind` says it."""

    namespaces: Annotated[tuple[NamespaceName, ...], AfterValidator(each_once)] = ()
    """Namespaces to watch; empty: all. One is a watch of its own; several are chosen
    from a watch of all of them where that is permitted."""

    namespace_selector: str = ""
    """Label selector of namespaces to watch, instead of their names, e.g. `team=shop`;
    empty: none. Namespaces that come to match later are watched from then on."""

    changes: Annotated[
        tuple[Literal["added", "modified", "deleted"], ...],
        AfterValidator(not_empty),
        AfterValidator(each_once),
    ] = ("added", "modified", "deleted")
    """Which changes become events; by default all, of Kubernetes Events `added` and
    `modified`: these are not deleted, they expire."""

    initial: Literal["skip", "emit"] = "skip"
    """Whether objects that exist before the first start become events. They are skipped
    by default, because nobody wants the last hour again from each new installation."""

    updates: Literal["all", "relevant"] = "all"
    """Which modifications become events: all of them, because none is lost by default;
    or the relevant ones, that is those that changed anything outside of `ignore`. To
    compare, the last state of each object is kept, compressed, in the queue."""

    ignore: Annotated[tuple[ObjectPath, ...], AfterValidator(each_once)] = (
        "status",
        *_ALWAYS,
    )
    """Paths whose change is not relevant, each with all below it, e.g.
    `spec.replicas` or `metadata.annotations["example.com/seen"]`. Only beside
    `updates: relevant`. By default what controllers write all the time. The three of
    `metadata` are always among them, for they change with whatever else does."""

    previous: bool = False
    """Whether `data` also holds the object as it was before: `{object, previous}`. The
    last state of each object is then kept, compressed, in the queue."""

    resync: Annotated[Duration, AfterValidator(_not_too_often)] | None = None
    """How often all objects are sent again as they are last known, at least 1m, without
    asking the API server; null: never. For consumers that must recover from losing
    what they had."""

    allow_secrets: bool = False
    """Whether Secrets may be watched at all. Their values are redacted all the same:
    only keys and metadata leave the process."""

    enrich: EnrichConfig | None = None
    """Additions from the object that a Kubernetes Event is about; null: nothing, so
    that no further watch and no further permission is needed."""

    field_selector: str = ""
    """Field selector that the API server applies, e.g. `type=Warning`; empty: none."""

    label_selector: str = ""
    """Label selector that the API server applies; empty: none."""

    optional: bool = False
    """Whether readiness and `doctor` pass although the kind is not served, or may not
    be read. It is read as soon as it can be, in any case."""

    keep: Literal["routed", "all"] = "routed"
    """Which events are stored: those that a route wants, or all of them, so that a
    later route can replay them."""

    @property
    def target(self) -> Target:
        """The kind of objects, named in either way."""
        return Target(
            api_version=self.api_version or "",
            kind=self.kind or "",
            resource=self.resource or "",
        )

    @property
    def is_namespaced(self) -> bool:
        """Whether it names or selects namespaces."""
        return bool(self.namespaces or self.namespace_selector)

    @property
    def chooses(self) -> bool:
        """Whether it takes some of the namespaces that one watch brings."""
        return len(self.namespaces) > 1 or bool(self.namespace_selector)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: object) -> object:
        """Add the defaults that depend on other keys."""
        if not isinstance(data, dict):
            return data
        target = Target.of(data)
        written = {
            key: data[key]
            for key in data
            if key not in _NAMING or data[key] is not None
        }
        filled: dict[str, object] = {"name": default_name(data) or EVENTS_NAME}
        if not target.resource:
            filled |= {"kind": "Event", "apiVersion": "v1"}
        if target.is_events:
            filled["changes"] = ["added", "modified"]
        if data.get("updates", "all") == "all":
            filled["ignore"] = []
        elif isinstance(ignore := data.get("ignore"), list):
            written["ignore"] = [*ignore, *(p for p in _ALWAYS if p not in ignore)]
        return {**filled, **written}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check_naming()
        if self.namespaces and self.namespace_selector:
            raise fault("expected namespaces or namespaceSelector, got both")
        if self.ignore and self.updates == "all":
            raise fault("expected updates: relevant beside ignore, got 'all'")
        if self.target.is_events:
            self._check_events()
        elif self.enrich is not None:
            raise fault("expected enrich beside Kubernetes Events only")
        self._check_secrets()
        return self

    def _check_naming(self) -> None:
        if self.resource is None:
            return
        if self.kind is not None:
            raise fault("expected kind or resource, got both")
        version = self.api_version
        plural, _, group = self.resource.partition(".")
        if version is not None and group_of(version) != group:
            suffix = f".{group_of(version)}" if "/" in version else ""
            raise fault(
                f"expected resource: {plural}{suffix} beside apiVersion: "
                f"{version}, got '{self.resource}'"
            )

    def _check_events(self) -> None:
        if "deleted" in self.changes:
            raise fault(
                "expected changes without deleted: Kubernetes Events are not deleted, "
                "they expire"
            )
        if key := self._compared():
            raise fault(
                f"expected no {key} beside Kubernetes Events: each revision of one is "
                "news by itself"
            )

    def _check_secrets(self) -> None:
        if self.allow_secrets and not self.target.is_secrets:
            raise fault("expected allowSecrets beside Secrets only")
        if not self.target.is_secrets:
            return
        if not self.allow_secrets:
            raise fault(
                "expected allowSecrets: true beside Secrets; their values are then "
                "redacted"
            )
        if key := self._compared():
            raise fault(
                f"expected no {key} beside Secrets: their values are redacted, so they "
                "cannot be compared"
            )

    def _compared(self) -> str:
        """Return a key that needs the last state of each object; empty: none."""
        wanted = {
            "previous": self.previous,
            "updates: relevant": self.updates == "relevant",
            "resync": self.resync is not None,
        }
        return next((key for key, is_wanted in wanted.items() if is_wanted), "")


_NAMING = {"apiVersion", "kind", "resource"}
"""Keys of which null is the same as none."""


def default_name(written: Mapping[str, Any]) -> str | None:
    """Return the name of a source that is given none; None: its kind is unreadable."""
    target = Target.of(written)
    if target.is_events:
        return EVENTS_NAME
    name = target.plural or target.kind.lower()
    return name if is_name(name) else None
