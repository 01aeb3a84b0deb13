"""Converts a Knative ApiServerSource (sources.knative.dev/v1)."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin

from bridge.events.validation import CORE_ATTRIBUTES, is_attribute_name
from bridge.migrate.reading import Section
from bridge.migrate.report import ConversionReport, Converted
from bridge.migrate.writing import Comment, write

_LOCAL: Final = "svc.cluster.local"
_OPERATORS: Final = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}
_TYPE: Final = re.compile(
    r"dev\.knative\.apiserver\.(ref|resource)\.(add|update|delete)"
)
_CHANGES: Final = {"add": "added", "update": "modified", "delete": "deleted"}
_PLACES: Final = {
    "kind": "data.kind",
    "apiversion": "data.apiVersion",
    "name": "data.metadata.name",
    "namespace": "data.metadata.namespace",
}
_OF_SPEC: Final = frozenset(
    [
        "ceOverrides",
        "filters",
        "mode",
        "namespaceSelector",
        "owner",
        "resources",
        "serviceAccountName",
        "sink",
    ]
)
_DELIVERY: Final = (
    "kept on disk until the sink has taken it, and tried again for 72 hours; theirs "
    "tries for 3 seconds, not at all after 500, and loses what happens during a restart"
)
_IDS: Final = (
    "the id of an event is the object's uid and version, the same when it is sent "
    "again, and its time that of the change; theirs are random and that of sending"
)


class _NotConvertedError(Exception):
    """A filter has no equivalent; the message says why."""


def is_apiserversource(root: Section) -> bool:
    """Return whether a file is the manifest of an ApiServerSource."""
    group = root.get("apiVersion").text.partition("/")[0]
    return root.get("kind").text == "ApiServerSource" and group == "sources.knative.dev"


def convert_apiserversource(root: Section, report: ConversionReport) -> Converted:
    """Return a configuration of ours that sends the same events."""
    return _SourceConversion(root, report).run()


class _SourceConversion:
    def __init__(self, root: Section, report: ConversionReport) -> None:
        self._report = report
        self._spec = root.get("spec")
        self._metadata = root.get("metadata")
        self._is_resource = self._spec.get("mode").text == "Resource"
        self._namespace = self._metadata.get("namespace").text
        if not self._namespace:
            text = "there is none: 'default' is taken; kubectl -n may have said another"
            self._tell(self._metadata, "none", text, key="namespace")
            self._namespace = "default"

    def run(self) -> Converted:
        sink = self._sink()
        sources = self._sources()
        if sink is None or not sources:
            return Converted(text=None, report=self._report)
        self._tell(self._spec, "better", _DELIVERY, key="delivery")
        self._tell(self._spec, "better", _IDS, key="id")
        self._tell_rest()
        tree: dict[str, Any] = {
            Comment("Converted from an ApiServerSource"): None,
            "sources": sources,
            "sinks": [sink],
        }
        if filters := list(self._filters()):
            names = [sink["name"]]
            tree["routes"] = [{"name": "filtered", "filters": filters, "sinks": names}]
        if extensions := dict(self._extensions()):
            tree["events"] = {"extensions": extensions}
        return Converted(text=write(tree), report=self._report)

    def _tell(
        self, section: Section, verdict: Any, text: str, *, key: str = ""
    ) -> None:
        thing = f"{section.thing}.{key}" if key else section.thing
        self._report.add(section.line, verdict, thing, text)

    def _sources(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        where = self._where()
        for resource in self._resources():
            kind = resource.get("kind").text
            name, number = kind.lower(), 1
            while any(one["name"] == name for one in made):
                number += 1
                name = f"{kind.lower()}-{number}"
            made.append(
                {
                    Comment(f"line {resource.line} of theirs"): None,
                    "name": name,
                    "apiVersion": resource.get("apiVersion").text,
                    "kind": kind,
                    **where,
                }
            )
            if selector := self._selector(resource.get("selector")):
                made[-1]["labelSelector"] = selector
            self._tell(resource, "same", f"source '{name}'")
            if kind == "Event":
                text = "Events that expire are no events here; all else is"
                self._tell(resource, "better", text)
        return made

    def _resources(self) -> list[Section]:
        return list(self._spec.get("resources").items())

    def _where(self) -> dict[str, Any]:
        selector = self._spec.get("namespaceSelector")
        if not selector:
            text = f"its own namespace, '{self._namespace}'"
            self._tell(selector, "same", text)
            return {"namespaces": [self._namespace]}
        found = self._selector(selector)
        text = "namespaces that come later are watched too, without a restart"
        self._tell(selector, "better" if found else "same", text)
        return {"namespaceSelector": found} if found else {}

    def _selector(self, selector: Section) -> str:
        terms = [
            f"{key}={value.text}"
            for key, value in selector.get("matchLabels").entries()
        ]
        for one in selector.get("matchExpressions").items():
            form = _OPERATORS.get(one.get("operator").text)
            if form is None:
                self._tell(one, "none", "left out: its operator is not known")
                continue
            values = ",".join(one.get("values").names())
            terms.append(form.format(key=one.get("key").text, values=values))
        return ",".join(terms)

    def _sink(self) -> dict[str, Any] | None:
        sink = self._spec.get("sink")
        name = self._metadata.get("name").text or "sink"
        url, is_knative = self._url(sink)
        if url is None:
            return None
        text = "data: object" if self._is_resource else "data: reference"
        self._tell(self._spec, "same", text, key="mode")
        made: dict[str, Any] = {"name": name, "url": url, "profile": "knative"}
        made["data"] = "object" if self._is_resource else "reference"
        if is_knative:
            made["knative"] = True
            text = "structured, where theirs is binary: consumers get the same"
            self._tell(sink, "better", text)
        else:
            made["mode"] = "binary"
        if certificates := sink.get("CACerts"):
            made["tls"] = {"ca": {"env": "SINK_CA_CERTS"}}
            self._tell(certificates, "secret", "set SINK_CA_CERTS to that PEM")
        if audience := sink.get("audience"):
            made["auth"] = {"bearer": {"file": "/oidc/token"}}
            text = (
                "mount a projected service account token with this audience at "
                "/oidc/token; it is read again when it is renewed"
            )
            self._tell(audience, "better", text)
        return made

    def _url(self, sink: Section) -> tuple[str | None, bool]:
        """Return the URL, and whether a part of Knative is behind it."""
        uri, ref = sink.get("uri").text, sink.get("ref")
        if not ref:
            if not uri:
                self._tell(sink, "none", "expected ref or uri, got neither")
            else:
                self._tell(sink.get("uri"), "same", "url")
            return uri or None, False
        kind = (ref.get("kind").text, ref.get("apiVersion").text.partition("/")[0])
        name = ref.get("name").text
        namespace = ref.get("namespace").text or self._namespace
        match kind:
            case ("Broker", "eventing.knative.dev"):
                host = f"broker-ingress.knative-eventing.{_LOCAL}/{namespace}/{name}"
            case ("Service", "serving.knative.dev" | "v1"):
                host = f"{name}.{namespace}.{_LOCAL}"
            case (_, "messaging.knative.dev"):
                host = f"{name}-kn-channel.{namespace}.{_LOCAL}"
            case _:
                text = (
                    f"a {kind[0] or 'ref'} has an address that the cluster knows "
                    "alone: write sink.uri, from status.sinkUri of the source, "
                    "and try again"
                )
                self._tell(ref, "none", text)
                return None, False
        url = urljoin(f"http://{host}", uri) if uri else f"http://{host}"
        text = (
            f"becomes {url}, the usual address: compare it with status.sinkUri of the "
            "source (a Broker of another class has another)"
        )
        self._tell(ref, "better", text)
        return url, kind[1] != "v1"

    def _extensions(self) -> Iterator[tuple[str, str]]:
        for key, value in self._spec.get("ceOverrides").get("extensions").entries():
            name = key.lower()
            if name in CORE_ATTRIBUTES or not is_attribute_name(name):
                text = "left out: no extension may be called so; theirs sends nothing"
                self._tell(value, "none", text)
            else:
                self._tell(value, "same", f"events.extensions.{name}")
                yield name, value.text

    def _filters(self) -> Iterator[dict[str, Any]]:
        for one in self._spec.get("filters").items():
            try:
                yield self._filter(one)
            except _NotConvertedError as error:
                text = f"left out, so that more events are sent: {error}"
                self._tell(one, "none", text)

    def _filter(self, one: Section) -> dict[str, Any]:
        [(dialect, argument), *more] = list(one.entries()) or [("", one)]
        if more:
            raise _NotConvertedError("expected one dialect")
        match dialect:
            case "all" | "any":
                return {dialect: [self._filter(inner) for inner in argument.items()]}
            case "not":
                return {"not": self._filter(argument)}
            case "exact" | "prefix" | "suffix":
                terms = [
                    self._term(dialect, name, value.text)
                    for name, value in argument.entries()
                ]
                return {"all": terms} if len(terms) != 1 else terms[0]
            case _:
                raise _NotConvertedError(
                    f"the dialect '{dialect}' is not known here; write your own filter"
                )

    def _term(self, dialect: str, name: str, text: str) -> dict[str, Any]:
        if name in _PLACES:
            return {dialect: {_PLACES[name]: text}}
        found = _TYPE.fullmatch(text)
        if name != "type" or dialect != "exact" or found is None:
            raise _NotConvertedError(f"{dialect} of '{name}' has no equivalent")
        if any(one.get("kind").text == "Event" for one in self._resources()):
            raise _NotConvertedError("the types of Events do not tell changes here")
        if (found[1] == "resource") != self._is_resource:
            raise _NotConvertedError("it never matches in this mode, there as here")
        change = _CHANGES[found[2]]
        return {"suffix": {"type": f".{change}.v1"}}

    def _tell_rest(self) -> None:
        if owner := self._spec.get("owner"):
            text = (
                "left out: no filter asks for the controller of an object, so that "
                "more events are sent; data.metadata.ownerReferences[0].kind may serve"
            )
            self._tell(owner, "none", text)
        if account := self._spec.get("serviceAccountName"):
            text = "`kubebridge rbac -c FILE` prints the role that its account needs"
            self._tell(account, "better", text)
        for key, value in self._spec.entries():
            if key not in _OF_SPEC:
                self._tell(value, "none", "is not known here")
