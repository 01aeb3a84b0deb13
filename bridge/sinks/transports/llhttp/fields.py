"""The header fields of an answer, for the few who look at them."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from multidict import CIMultiDict


class ResponseFields(Mapping[str, str]):
    """Fields by name in any case; nothing is decoded before somebody looks."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        """Keep the fields as they came."""
        self._raw = raw

    @cached_property
    def _fields(self) -> CIMultiDict[str]:
        return CIMultiDict(
            (name.decode("latin-1"), value.decode("utf-8", "replace").strip())
            for name, value in self._raw
        )

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
