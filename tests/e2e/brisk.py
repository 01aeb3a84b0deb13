"""A sink that is back is noticed within seconds, so that tests need not wait."""

from typing import Any

_SHORT = {"min": "500ms", "max": "1s"}

BRISK: dict[str, Any] = {"retry": _SHORT, "breaker": _SHORT}
"""Settings of such a sink."""
