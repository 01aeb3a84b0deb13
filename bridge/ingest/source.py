"""What a reader needs to know of a source."""

from collections.abc import Callable
from dataclasses import dataclass

Selects = Callable[[str], bool | None]
"""Whether a source takes what lives in a namespace; None: it is not known yet."""

CHANGES: frozenset[str] = frozenset(("added", "modified", "deleted"))


def everywhere(_namespace: str) -> bool:
    """Select every namespace, and what lives in none."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of the configuration, as a reader sees it.

    Attributes:
        name: As in the configuration.
        emits_initial: Whether what is there at the very first start becomes events.
        keeps_all: Whether events that no route wants are kept too.
        changes: Which changes become events.
        selects: Which namespaces it takes, of those that are read.
        ignore: A modification of nothing but what lies under these paths is left out;
            None: none is.
        wants_previous: Whether its events carry the object as it was before, too.
        wants_concerned: Whether its Kubernetes Events carry what is known of the
            object that they are about.
        hides_labels: Whether labels of that object are for routes only.
        resync_seconds: How often all that is known becomes events again; None: never.
    """

    name: str
    emits_initial: bool = False
    keeps_all: bool = False
    changes: frozenset[str] = CHANGES
    selects: Selects = everywhere
    ignore: tuple[str, ...] | None = None
    wants_previous: bool = False
    wants_concerned: bool = False
    hides_labels: bool = False
    resync_seconds: float | None = None

    @property
    def needs_objects(self) -> bool:
        """Whether objects have to be remembered whole for it."""
        is_compared = self.wants_previous or self.ignore is not None
        return is_compared or self.resync_seconds is not None

    @property
    def is_plain(self) -> bool:
        """Whether it takes every change that is read."""
        return (
            self.selects is everywhere
            and self.ignore is None
            and self.changes >= CHANGES
        )
