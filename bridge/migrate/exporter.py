"""Converts a configuration of kubernetes-event-exporter.

Read of it: resmoio/kubernetes-event-exporter 1.7, its last release (2024).
"""

import re
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from bridge.migrate.layouts import LayoutConverter
from bridge.migrate.reading import Section, references
from bridge.migrate.receivers import ReceiverConverter
from bridge.migrate.report import ConversionReport, Converted
from bridge.migrate.routes import RouteConverter
from bridge.migrate.secrets_told import SecretNames
from bridge.migrate.writing import Comment, write
from bridge.settings.values import ClusterName, NamespaceName

_LEVELS: Final = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "error",
    "panic": "error",
}
_FORMATS: Final = {"json": "json", "pretty": "text"}
_AGE: Final = (
    "not needed: no event is dropped for its age, and what happened during a stop is "
    "delivered afterwards; events before the first start are skipped"
)
_ONE_REPLICA: Final = (
    "run one replica with a volume: its queue and cursor outlast a restart, so that "
    "nothing is lost while it is away"
)
_METRICS: Final = (
    "metrics are called kubebridge_…, with labels for sink and route: change "
    "dashboards and alerts"
)
_TOLD: Final = {
    "maxEventAgeSeconds": ("better", _AGE),
    "throttlePeriod": ("better", _AGE),
    "kubeQPS": ("better", "not needed: there is no request for each event"),
    "kubeBurst": ("better", "not needed: there is no request for each event"),
    "cacheSize": ("better", "not needed: labels come from a watch, see enrich"),
    "omitLookup": ("same", "nothing is looked up for an event"),
    "leaderElection": ("none", _ONE_REPLICA),
    "metricsNamePrefix": ("none", _METRICS),
    "kubeconfig": ("none", "write it as cluster.kubeconfig if this machine has it"),
}
_KEYS: Final = {*_TOLD, "logLevel", "logFormat", "clusterName", "namespace"} | {
    "route",
    "receivers",
}


def is_exporter(root: Section) -> bool:
    """Return whether a file is one of kubernetes-event-exporter's."""
    return root.is_mapping and bool(root.get("receivers") or root.get("route"))


def convert_exporter(root: Section, report: ConversionReport) -> Converted:
    """Return a configuration of ours that does the same."""
    return _ExporterConversion(root, report).run()


class _ExporterConversion:
    def __init__(self, root: Section, report: ConversionReport) -> None:
        self._root = root
        self._report = report
        self._has_lookup = root.get("omitLookup").data is not True
        self._cluster = self._cluster_name()
        name = root.get("clusterName")
        is_known = not references(name.text)
        self._layouts = LayoutConverter(
            report, cluster=None if self._cluster or not is_known else name.text
        )

    def run(self) -> Converted:
        sinks, names, receivers = self._sinks()
        if not sinks:
            return Converted(text=None, report=self._report)
        converter = RouteConverter(
            self._report,
            sinks=names,
            receivers=frozenset(receivers),
            has_lookup=self._has_lookup,
        )
        routes = converter.convert(self._route())
        annotations = {**self._layouts.annotations, **converter.annotations}
        labels = self._layouts.needs_labels or converter.needs_labels
        heading = Comment("Converted from kubernetes-event-exporter")
        tree: dict[str, Any] = {heading: None}
        if self._cluster:
            tree["cluster"] = {"name": self._cluster}
        if source := self._source(labels=labels, annotations=list(annotations)):
            tree["sources"] = [source]
        tree |= {"sinks": sinks, "routes": routes}
        if log := self._log():
            tree["log"] = log
        self._tell_rest()
        return Converted(text=write(tree), report=self._report)

    def _route(self) -> Section:
        route = self._root.get("route")
        if not route.is_mapping:
            text = "there is no route: nothing is sent anywhere, there as here"
            self._report.add(route.line, "none", "route", text)
        return route

    def _sinks(self) -> tuple[list[dict[str, Any]], dict[str, str], list[str]]:
        """Return sinks, their names by those of receivers, and all receivers' names."""
        converter = ReceiverConverter(
            self._report, self._layouts, SecretNames(self._report)
        )
        made, names, receivers = [], dict[str, str](), list[str]()
        text = (
            "events are kept on disk until a sink has taken them, and tried again for "
            "72 hours before they are dead letters; there each is tried once"
        )
        place = self._root.get("receivers")
        self._report.add(place.line, "better", "receivers", text)
        for receiver in self._root.get("receivers").items():
            theirs = receiver.get("name").text
            if theirs in receivers:
                text = f"there are two receivers '{theirs}': the last one counts there"
                self._report.add(receiver.line, "none", receiver.thing, text)
                continue
            receivers.append(theirs)
            name = self._name(receiver, taken=set(names.values()))
            sink = converter.convert(receiver, name)
            if sink is not None:
                names[theirs] = name
                made.append(sink)
        return made, names, receivers

    def _name(self, receiver: Section, *, taken: set[str]) -> str:
        theirs = receiver.get("name").text
        clean = re.sub(r"[^A-Za-z0-9._-]+", "-", theirs).strip("-._")[:63].strip("-._")
        name, number = clean or "sink", 1
        while name in taken:
            number += 1
            name = f"{(clean or 'sink')[:58]}-{number}"
        if name != theirs:
            text = f"is called '{name}' here"
            self._report.add(receiver.line, "better", f"{receiver.thing}.name", text)
        return name

    def _cluster_name(self) -> str:
        name = self._root.get("clusterName")
        if not name.text:
            return ""
        if references(name.text):
            text = "is expanded there from the environment: write it as cluster.name"
            self._report.add(name.line, "none", name.thing, text)
            return ""
        if not _is_valid(ClusterName, name.text):
            text = (
                "is no DNS subdomain, so that no source of CloudEvents can be made of "
                "it; it stands as a text in the templates that name it"
            )
            self._report.add(name.line, "none", name.thing, text)
            return ""
        self._report.add(name.line, "same", name.thing, "cluster.name")
        return name.text

    def _source(self, *, labels: bool, annotations: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        namespace = self._root.get("namespace")
        if namespace.text and _is_valid(NamespaceName, namespace.text):
            made["namespaces"] = [namespace.text]
            self._report.add(
                namespace.line, "same", "namespace", "sources[0].namespaces"
            )
        elif namespace.text:
            text = "is no namespace as it stands: write it as sources[0].namespaces"
            self._report.add(namespace.line, "none", "namespace", text)
        enrich: dict[str, Any] = {}
        if self._has_lookup and labels:
            enrich["labels"] = True
        if self._has_lookup and annotations:
            enrich["annotations"] = annotations
        if enrich:
            made["enrich"] = enrich
        text = (
            "repeats of an Event are sent as well: theirs sees the first occurrence "
            "alone; `changes: [added]` on the source would be the same"
        )
        self._report.add(1, "better", "Events", text)
        return {"name": "events", **made} if made else {}

    def _log(self) -> dict[str, str]:
        made: dict[str, str] = {}
        for key, ours, values in (
            ("logLevel", "level", _LEVELS),
            ("logFormat", "format", _FORMATS),
        ):
            one = self._root.get(key)
            if one.text in values:
                made[ours] = values[one.text]
                self._report.add(
                    one.line, "same", key, f"log.{ours}: {values[one.text]}"
                )
            elif one.text:
                text = f"expected one of {', '.join(values)}, got '{one.text}'"
                self._report.add(one.line, "none", key, text)
        return made

    def _tell_rest(self) -> None:
        for key, value in self._root.entries():
            if key in _TOLD:
                verdict, text = _TOLD[key]
                self._report.add(value.line, verdict, key, text)  # type: ignore[arg-type]  # of literals
            elif key not in _KEYS:
                text = "is ignored there, so it is here"
                self._report.add(value.line, "none", key, text)


def _is_valid(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True
