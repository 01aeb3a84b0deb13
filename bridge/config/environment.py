"""Add the environment variables of a Knative SinkBinding to the document.

==================  =============================================================
``K_SINK``          URL of a sink named ``k-sink``
``K_CE_OVERRIDES``  JSON whose `extensions` are set on each event
``K_CA_CERTS``      PEM of the authorities to trust towards that sink
``/oidc/token``     file with a token for it, which the kubelet renews
==================  =============================================================

A sink ``k-sink`` in the document that has no `url` takes it from `K_SINK`, so that its
other settings can be chosen there: `tls.ca` and `auth` of its own win. It has the
preset `knative` unless its content mode is chosen. (Knative Eventing, SinkBinding;
``sinkbinding_lifecycle.go`` for what its pages do not say.)
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.config.document import (
    ConfigDocument,
    DocumentPlace,
    Fault,
    Trail,
    show_value,
)

SINK_NAME = "k-sink"

OIDC_TOKEN = Path("/oidc/token")
"""Where a SinkBinding mounts the token, if the sink asks for one."""

_FORM = """expected JSON such as {"extensions": {"team": "shop"}}"""


def apply_environment(document: ConfigDocument, env: Mapping[str, str]) -> None:
    """Add the settings of the environment to the document, with their own places.

    An empty variable counts as not set. What the document has in a wrong form is left
    to those who check it.
    """
    if document.data is None:
        document.data = {}
    if isinstance(document.data, dict):
        if url := env.get("K_SINK"):
            _apply_sink(document, url, has_ca=bool(env.get("K_CA_CERTS")))
        if overrides := env.get("K_CE_OVERRIDES"):
            _apply_overrides(document, overrides)


def _apply_sink(document: ConfigDocument, url: str, *, has_ca: bool) -> None:
    sinks = document.data.setdefault("sinks", [])
    if not isinstance(sinks, list):
        return
    index = next((i for i, one in enumerate(sinks) if _is_k_sink(one)), len(sinks))
    if index == len(sinks):
        sinks.append({"name": SINK_NAME})
        document.values["sinks", index] = DocumentPlace(name="K_SINK")
    if "url" in sinks[index]:
        message = f"expected none in sink '{SINK_NAME}', for K_SINK is set, got one"
        document.faults.append(Fault(trail=("sinks", index, "url"), message=message))
        return
    sinks[index]["url"] = url
    if not {"batch", "mode"} & sinks[index].keys():
        sinks[index].setdefault("knative", True)
    document.values["sinks", index, "url"] = DocumentPlace(name="K_SINK")
    if has_ca:
        _apply_authorities(document, sinks[index], ("sinks", index, "tls"))
    if "auth" not in sinks[index] and OIDC_TOKEN.exists():
        sinks[index]["auth"] = {"bearer": {"file": str(OIDC_TOKEN)}}
        document.values["sinks", index, "auth"] = DocumentPlace(name=str(OIDC_TOKEN))


def _apply_authorities(
    document: ConfigDocument, sink: dict[str, Any], trail: Trail
) -> None:
    tls = sink.setdefault("tls", {})
    if isinstance(tls, dict) and "ca" not in tls:
        tls["ca"] = {"env": "K_CA_CERTS"}
        document.values[*trail, "ca"] = DocumentPlace(name="K_CA_CERTS")


def _is_k_sink(sink: object) -> bool:
    return isinstance(sink, dict) and sink.get("name") == SINK_NAME


def _apply_overrides(document: ConfigDocument, text: str) -> None:
    added = _extensions(text)
    if isinstance(added, str):
        document.values["K_CE_OVERRIDES",] = DocumentPlace(name="environment")
        document.faults.append(Fault(trail=("K_CE_OVERRIDES",), message=added))
        return
    place = DocumentPlace(name="K_CE_OVERRIDES")
    events = document.data.setdefault("events", {})
    extensions = events.setdefault("extensions", {}) if isinstance(events, dict) else 0
    if isinstance(extensions, dict):
        for name, value in added.items():
            extensions[name] = value
            document.values["events", "extensions", name] = place
            document.keys.pop(("events", "extensions", name), None)


def _extensions(text: str) -> dict[str, Any] | str:
    """Return the extensions by lower-case name, or the fault of `text`."""
    try:
        overrides = json.loads(text)
    except (ValueError, RecursionError):
        return f"{_FORM}, got something that is not JSON"
    if not isinstance(overrides, dict):
        return f"{_FORM}, got {show_value(overrides, secret=True)}"
    if unknown := [key for key in overrides if key != "extensions"]:
        return f"{_FORM}, got the unknown key '{unknown[0]}'"
    extensions = overrides.get("extensions", {})
    if not isinstance(extensions, dict):
        return f"{_FORM}, got {show_value(extensions, secret=True)} as extensions"
    return {name.lower(): value for name, value in extensions.items()}
