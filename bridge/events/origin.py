"""Where events come from, and by which names they go: the same for a whole source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.errors import InvalidEventError
from bridge.events import validation as rules

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")  # RFC 1123, as Kubernetes has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Attributes and names that all events of one cluster and profile share.

    Attributes:
        cluster: Name of the cluster, a DNS subdomain: the attribute `cluster`, and
            ``kubernetes://<cluster>`` is the attribute `source`.
        source: Another URI-reference for `source`, e.g. the API server's URL, which
            is what Knative's ApiServerSource sends; None: made from `cluster`.
        type_prefix: Reverse-DNS beginning of our types, a DNS subdomain.
        profile: Whose names are used, see `bridge.events.profiles`.
        data: What `data` holds: the object, or a reference to it.
        epoch: How often resourceVersions of this cluster began anew, from 1; from 2
            on it is part of each id, for a rolled-back cluster uses versions again.
        extensions: Extensions that are set last and win over ours (K_CE_OVERRIDES).
        uri: The attribute `source`.
    """

    cluster: str
    source: str | None = None
    type_prefix: str = "io.kubebridge"
    profile: Literal["kubebridge", "knative"] = "kubebridge"
    data: Literal["object", "reference"] = "object"
    epoch: int = 1
    extensions: Mapping[str, str] = field(default_factory=dict)
    uri: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse values that would make every event invalid.

        Raises:
            InvalidEventError: Names the part, what was expected and what was got.
        """
        uri = self.source or f"kubernetes://{self.cluster}"
        object.__setattr__(self, "uri", uri)
        for name in ("cluster", "type_prefix"):
            _check_subdomain(name, getattr(self, name))
        rules.check_source(self.uri)
        rules.check_extension_names(tuple(self.extensions))
        for name, value in self.extensions.items():
            rules.check_text(name, value)

    def identify(self, identity: str) -> str:
        """Return the id of an event: its identity, and the epoch from the second on."""
        return f"{identity}-e{self.epoch}" if self.epoch > 1 else identity


def _check_subdomain(name: str, value: str) -> None:
    if len(value) > 253 or not _SUBDOMAIN.fullmatch(value):
        raise InvalidEventError(
            f"{name}: expected a DNS subdomain (a-z, 0-9, '-' and '.'), got {value!r}"
        )
