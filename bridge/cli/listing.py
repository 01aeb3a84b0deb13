"""Lists that may go on: a page, a word on the rest, and what comes later."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from bridge.cli.client import Api
from bridge.cli.output import (
    UNUSABLE,
    OutputFormat,
    as_json,
    echo,
    fail,
    in_words,
    is_json,
    table,
)
from bridge.cli.output import show as show_answer

FOLLOW_SECONDS = 2.0
"""How often it is asked for what came since."""

_LARGEST_PAGE = 500

Most = Annotated[int, typer.Option("--limit", min=1, help="Most rows to list.")]
After = Annotated[
    str | None,
    typer.Option(
        "--after",
        help="Where to go on: what the list before said at its end.",
        show_default=False,
    ),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow",
        "-f",
        help="Newest last, and then what comes, until Ctrl-C; JSON: an item a line.",
    ),
]

Row = dict[str, Any]


class Listing:
    """One list of the API, and how it is shown.

    Attributes:
        row: Gives what the columns show of an item.
    """

    def __init__(
        self, api: Api, path: str, meant: Mapping[str, Any], *, columns: dict[str, str]
    ) -> None:
        """Bind the parts.

        Args:
            api: Whom to ask.
            path: Of the list.
            meant: Parameters that choose.
            columns: Heading by key of a row.
        """
        self._api = api
        self._path = path
        self._meant = meant
        self._columns = columns
        self.row: Callable[[Row], Row] = lambda one: one

    def show(
        self,
        *,
        limit: int,
        after: str | None,
        follow: bool,
        output: OutputFormat | None,
    ) -> None:
        """Print the newest, and that there are more, or what comes later.

        Raises:
            typer.Exit: 2, options do not go together; 1, there is no answer.
        """
        if follow and after is not None:
            raise fail("expected either --follow or --after", code=UNUSABLE)
        answer = self._api.pages(self._path, limit=limit, after=after, **self._meant)
        place = answer.pop("follow")
        if follow:
            self._follow(answer["items"][::-1], place, output=output)
        show_answer(answer, lambda one: self._text(one["items"]), output=output)
        if answer["next"] is not None and not is_json(output):
            echo(
                f"there are more: --limit {2 * limit} shows them, "
                f"--after '{answer['next']}' goes on",
                err=True,
            )

    def _follow(
        self, items: list[Row], place: str | None, *, output: OutputFormat | None
    ) -> None:
        headings = True
        while True:
            self._print(items, headings=headings, output=output)
            headings = False
            page = self._api.page(
                self._path,
                after=place,
                order="oldest",
                limit=_LARGEST_PAGE,
                **self._meant,
            )
            items = page["items"]
            place = page["next"] or page["follow"]
            if page["next"] is None and not items:
                time.sleep(FOLLOW_SECONDS)

    def _print(
        self, items: list[Row], *, headings: bool, output: OutputFormat | None
    ) -> None:
        if is_json(output):
            lines = "\n".join(as_json(one, indent=None) for one in items)
        else:
            lines = in_words(
                items, lambda some: self._text(some, headings=headings), output=output
            )
        if lines:
            echo(lines)

    def _text(self, items: list[Row], *, headings: bool = True) -> str:
        return table(map(self.row, items), self._columns, headings=headings)
