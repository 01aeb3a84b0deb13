"""The dialect ``when``: an expression over the whole event (see `bridge.templates`).

``object.count > 3 and 'OOM' in object.message``. An expression that cannot be computed
for an event is no match; how often that was so is counted, with the last reason.
"""

from typing import Any, Final

import msgspec

from bridge.errors import FilterError, TemplateError
from bridge.events import CloudEvent
from bridge.events.validation import NOT_JSON
from bridge.filters import Filter
from bridge.filters.reading import Path
from bridge.logs import get_logger
from bridge.templates import Expression, context_of

_decode = msgspec.json.Decoder().decode


class ExpressionFailures:
    """How often expressions failed, and why last, by their texts."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, text: str, why: str) -> None:
        """Count a failure; log the first, the 10th, the 100th and so on."""
        count = self._found.get(text, (0, ""))[0] + 1
        self._found[text] = (count, why)
        if str(count).strip("0") == "1":
            get_logger().warning(
                "An expression of a filter failed, which is no match.",
                expression=text,
                error=why,
                count=count,
            )

    def all(self) -> dict[str, tuple[int, str]]:
        """Return count and last reason, by the text of the expression."""
        return dict(self._found)


failures: Final = ExpressionFailures()
"""Those of this process: a filter has no place of its own to tell of them."""


def compile_when(argument: object, path: Path) -> Filter:
    """Pass events for which this expression is true.

    Raises:
        FilterError: It is no expression.
    """
    if not isinstance(argument, str):
        raise FilterError(f"expected an expression, got {argument!r}", path=path)
    try:
        expression = Expression(argument)
    except TemplateError as error:
        raise FilterError(str(error), path=path) from None

    def passes(event: CloudEvent) -> bool:
        try:
            return bool(expression.evaluate(event_context(event)))
        except TemplateError as error:
            failures.add(argument, str(error))
            return False

    return passes


def event_context(event: CloudEvent) -> dict[str, Any]:
    """Return what an expression reads of an event.

    Raises:
        TemplateError: Its data cannot be read.
    """
    found = event.attributes()
    cluster = found.get("cluster")
    return context_of(
        event=found,
        data=_data(event.data),
        cluster=None if cluster is None else str(cluster),
    )


def _data(data: bytes | None) -> Any:
    try:
        return None if data is None else _decode(data)
    except NOT_JSON:
        raise TemplateError("its data cannot be read") from None
