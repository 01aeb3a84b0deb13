"""Apply the preset `knative: true`: what a real Broker was seen to do.

Its differences from the contract of Knative's data plane are in docs/knative.md.
"""

from typing import Any

from bridge.settings.model import fault

TIMEOUT = "5m"
"""A Broker without the asynchronous annotation answers when all its subscribers have,
their retries included: minutes. A shorter timeout makes duplicates."""

RETRIED = (404, 409, 501, 505)
"""Tried again for as long as others are: what the contract retries and we do not."""

ERROR_ATTEMPTS = 10
"""An SDK answers 500 to some malformed events, and a Broker to whatever fails behind
it. Ten attempts take some 4 minutes as `retry` is by default."""

_WHY = {
    "batch": "a Broker answers batches with 400",
    "binary": "a Broker's subscribers get percent-encoded attributes undecoded",
}


def apply_preset(written: object) -> object:
    """Return a sink's settings with the preset's values for keys that are not written.

    Args:
        written: A sink as it stands in the document, in whatever form.

    Raises:
        PydanticCustomError: It asks for a content mode that the preset excludes.
    """
    if not isinstance(written, dict) or written.get("knative") is not True:
        return written
    mode = written.get("mode", "structured")
    if why := _WHY.get(str(mode)):
        raise fault(
            f"expected mode: structured beside knative: true, got '{mode}': {why}"
        )
    outcomes, retry = written.get("outcomes", {}), written.get("retry")
    has_timeout = isinstance(retry, dict) and "timeout" in retry
    return {
        **({} if has_timeout else {"timeout": TIMEOUT}),
        **written,
        "outcomes": _with_ours(outcomes) if isinstance(outcomes, dict) else outcomes,
    }


def _with_ours(outcomes: dict[str, Any]) -> dict[str, Any]:
    """Add the preset's statuses that are not written."""
    said = [
        status
        for word in outcomes.values()
        if isinstance(word, list | tuple)
        for status in word
        if isinstance(status, int | str)
    ]
    retried = outcomes.get("retry", [])
    if isinstance(retried, list | tuple):
        added = [status for status in RETRIED if not {status, _class(status)} & {*said}]
        retried = [*retried, *added]
    return {"errorAttempts": ERROR_ATTEMPTS, **outcomes, "retry": retried}


def _class(status: int) -> str:
    return f"{status // 100}xx"
