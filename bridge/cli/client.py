"""Asks the API of a running bridge."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from bridge.cli.output import UNUSABLE, fail

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 60.0
_LARGEST_PAGE = 500
_NO_API = "expected the API of kubebridge"

Url = Annotated[
    str,
    typer.Option("--url", envvar="KUBEBRIDGE_URL", help="Where the bridge listens."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File with the bearer token; default: KUBEBRIDGE_TOKEN.",
        show_default=False,
    ),
]


class Api:
    """The API behind one URL."""

    def __init__(self, url: str, token_file: Path | None) -> None:
        """Take the token from the file, or from KUBEBRIDGE_TOKEN.

        Raises:
            typer.Exit: 2, the file cannot be read or the URL is none.
        """
        if not _is_url(url):
            problem = f"--url {url}: expected an http or https URL"
            raise fail(problem, code=UNUSABLE)
        self._url = url.rstrip("/")
        self._headers = {}
        if token := _token(token_file):
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, *path: str, **params: Any) -> dict[str, Any]:
        """Return what is at `path`; parameters that are None are left out."""
        given = {name: one for name, one in params.items() if one is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what came of it."""
        return self._ask("POST", path, json=body or {})

    def put(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what came of it."""
        return self._ask("PUT", path, json=body)

    def delete(self, *path: str) -> None:
        """Delete what is at `path`."""
        self._ask("DELETE", path)

    def items(self, *path: str, fields: Mapping[str, type]) -> list[dict[str, Any]]:
        """Return a whole list, each item of which has these fields.

        Raises:
            typer.Exit: 1, there is no such list.
        """
        items = self.get(*path).get("items")
        if isinstance(items, list) and all(_has(one, fields) for one in items):
            return items
        raise fail(f"{self._url}: {_NO_API}, got no such list")

    def pages(self, *path: str, limit: int, **params: Any) -> dict[str, Any]:
        """Return a list of up to `limit` items, read page by page.

        With the places where it goes on, and where what comes later is to be found.
        """
        items: list[Any] = []
        after, follow = params.pop("after", None), None
        while True:
            most = min(limit - len(items), _LARGEST_PAGE)
            page = self.page(*path, limit=most, after=after, **params)
            items += page["items"]
            follow = page["follow"] or follow
            before, after = after, page["next"]
            if after is None or len(items) >= limit:
                return {"items": items, "next": after, "follow": follow}
            if after == before:
                raise fail(f"{self._url}: {_NO_API}, got the same page again")

    def page(self, *path: str, **params: Any) -> dict[str, Any]:
        """Return one page of a list.

        Raises:
            typer.Exit: 1, it is none.
        """
        page = self.get(*path, **params)
        places = {name: page.get(name) for name in ("next", "follow")}
        is_page = isinstance(page.get("items"), list) and all(
            place is None or isinstance(place, str) for place in places.values()
        )
        if is_page:
            return {"items": page["items"], **places}
        raise fail(f"{self._url}: {_NO_API}, got no list")

    def _ask(
        self, method: str, path: tuple[str, ...], **request: Any
    ) -> dict[str, Any]:
        import httpx  # noqa: PLC0415  # takes longer than --help may

        # No proxy from the environment: the token is for the bridge alone.
        try:
            parts = (quote(part, safe="") for part in path)
            url = "/".join((self._url, "api/v1", *parts))
            with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                answer = client.request(method, url, headers=self._headers, **request)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            problem = f"{self._url} does not answer ({reason}): is the bridge running?"
            raise fail(problem) from error
        except (ValueError, httpx.InvalidURL) as error:  # lone surrogates, no numbers
            problem = f"expected text in UTF-8 and finite numbers: {error}"
            raise fail(problem, code=UNUSABLE) from error
        return _content(answer, method, self._url)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_http = parts.scheme in {"http", "https"} and parts.port != 0
        return is_http and bool(parts.hostname)
    except ValueError:
        return False


def _has(item: object, fields: Mapping[str, type]) -> bool:
    return isinstance(item, dict) and all(
        isinstance(item.get(name), kind) for name, kind in fields.items()
    )


def _content(answer: Any, method: str, url: str) -> dict[str, Any]:
    if answer.status_code == 204:
        return {}
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    if answer.is_success and isinstance(content, dict):
        return content
    said = content.get("error") if isinstance(content, dict) else None
    said = said or f"{_NO_API}, got {answer.status_code}"
    raise fail(f"{url}: {method} refused with {answer.status_code}: {said}")


def _token(path: Path | None) -> str:
    place = "KUBEBRIDGE_TOKEN" if path is None else f"--token-file {path}"
    try:
        text = os.environ.get(place, "") if path is None else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{place}: expected a readable text file: {error}"
        raise fail(problem, code=UNUSABLE) from error
    token = text.strip()
    if not (token.isascii() and token.isprintable()):
        raise fail(f"{place}: expected one line of ASCII", code=UNUSABLE)
    return token
