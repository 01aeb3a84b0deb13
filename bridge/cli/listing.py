"""Lists that may go on: one page, a hint at the rest, and later rows."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from bridge.cli.client import Api
from bridge.cli.options import JsonObject
from bridge.cli.output import UNUSABLE, as_json, echo, fail, in_words, is_json, table

FOLLOW_SECONDS = 2.0
"""How often `--follow` asks for later rows."""

_LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is shown; its fields are options of the verbs.

    Attributes:
        limit: Most rows.
        after: Place to go on after; None: the beginning.
        follow: Whether to show later rows until Ctrl-C.
    """

    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows to list.")] = (
        50
    )
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            help="Where to go on: what the list before said at its end.",
            show_default=False,
        ),
    ] = None
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Newest last, and then what comes, until Ctrl-C; JSON: an item a "
            "line.",
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the API, and how it is shown.

    Attributes:
        api: The API.
        path: Path of the list.
        selection: Parameters that select rows.
        columns: Heading by key of a row.
        row: Returns what the columns show of an item.
    """

    api: Api
    path: str
    selection: Mapping[str, object]
    columns: Mapping[str, str]
    row: Callable[[JsonObject], JsonObject] = lambda one: one

    def show(self, paging: Paging) -> None:
        """Print the newest rows, and that there are more, or follow the list.

        Raises:
            typer.Exit: 2, options do not go together; 1, there is no answer.
        """
        if paging.follow and paging.after is not None:
            raise fail("expected either --follow or --after", code=UNUSABLE)
        answer = self.api.pages(
            self.path, limit=paging.limit, after=paging.after, **self.selection
        )
        place = answer.pop("follow")
        if paging.follow:
            self._follow(answer["items"][::-1], place)
        self.api.show(answer, lambda one: self._text(one["items"]))
        if answer["next"] is not None and not is_json(self.api.output):
            echo(
                f"there are more: --limit {2 * paging.limit} shows them, "
                f"--after '{answer['next']}' goes on",
                err=True,
            )

    def _follow(self, items: list[JsonObject], place: str | None) -> None:
        headings = True
        while True:
            self._print(items, headings=headings)
            headings = False
            page = self.api.page(
                self.path,
                after=place,
                order="oldest",
                limit=_LARGEST_PAGE,
                **self.selection,
            )
            items = page["items"]
            place = page["next"] or page["follow"]
            if page["next"] is None and not items:
                time.sleep(FOLLOW_SECONDS)

    def _print(self, items: list[JsonObject], *, headings: bool) -> None:
        output = self.api.output
        if is_json(output):
            lines = "\n".join(as_json(one, indent=None) for one in items)
        else:
            lines = in_words(
                items, lambda some: self._text(some, headings=headings), output=output
            )
        if lines:
            echo(lines)

    def _text(self, items: list[JsonObject], *, headings: bool = True) -> str:
        return table(map(self.row, items), self.columns, headings=headings)
