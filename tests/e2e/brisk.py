"""A sink that is back is noticed within seconds, so that tests need not wait."""

from typing import Any

from bridge.config import HttpSinkConfig

RETRY: dict[str, Any] = {"retry": {"min": "500ms", "max": "1s"}}
BREAKER: dict[str, Any] = {"breaker": {"min": "500ms", "max": "1s"}}
BRISK = RETRY | (BREAKER if "breaker" in HttpSinkConfig.model_fields else {})
"""Settings of such a sink; of its breaker too, as far as there is one."""
