"""Discovery: how clients learn what is served (API concepts, "API Discovery").

Only the older documents, one for each group version. Clients that ask for the
aggregated one fall back to these.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.demo.apiserver.resources import Catalog, Resource

VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")

type_ = dict[str, Any]
