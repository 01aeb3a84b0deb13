"""Asks the API of a running bridge."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bridge.cli.options import JsonObject, TokenFile, Url
from bridge.cli.output import UNUSABLE, Output, fail, show

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 60.0
_LARGEST_PAGE = 500
_NO_API = "expected the API of kubebridge"


class Api:
    """The API behind one URL, and the form in which its answers are printed.

    Attributes:
        output: The form; None: text on a terminal, JSON in a pipe.
    """

    def __init__(
        self,
        url: Url = DEFAULT_URL,
        token_file: TokenFile = None,
        output: Output = None,
    ) -> None:
        """Take the token from the file, or from KUBEBRIDGE_TOKEN.

        Raises:
            typer.Exit: 2, the file cannot be read or the URL is none.
        """
        if not _is_url(url):
            problem = f"--url {url}: expected an http or https URL"
            raise fail(problem, code=UNUSABLE)
        self.output = output
        self._url = url.rstrip("/")
        self._headers = {}
        if token := _token(token_file):
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, *path: str, **params: Any) -> JsonObject:
        """Return what is at `path`; parameters that are None are left out."""
        given = {name: one for name, one in params.items() if one is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, Any] | None = None) -> JsonObject:
        """Send a request to do something; return the answer."""
        return self._ask("POST", path, json=body or {})

    def put(self, *path: str, body: Mapping[str, Any]) -> JsonObject:
        """Send a new state of what is at `path`; return the answer."""
        return self._ask("PUT", path, json=body)

    def delete(self, *path: str) -> None:
        """Delete what is at `path`."""
        self._ask("DELETE", path)

    def show(self, answer: Any, text: Callable[[Any], str]) -> None:
        """Print an answer: as JSON, or as the text that `text` returns."""
        show(answer, text, output=self.output)

    def post_all(self, *path: str, body: Mapping[str, Any]) -> JsonObject:
        """Send a request again and again until all of it is done; return the sum.

        Raises:
            typer.Exit: 1, the answer is not one of such a request.
        """
        try:
            total = self.post(*path, body=body)
            while (place := total["next"]) is not None:
                answer = self.post(*path, body={**body, "after": place})
                total = _sum(total, _moved_on(answer, place))
            del total["next"]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            problem = f"{_NO_API}, got another answer ({error!r})"
            raise fail(problem) from error
        return total

    def items(self, *path: str, fields: Mapping[str, type]) -> list[JsonObject]:
        """Return a whole list, each item of which has these fields.

        Raises:
            typer.Exit: 1, there is no such list.
        """
        items = self.get(*path).get("items")
        if isinstance(items, list) and all(_has(one, fields) for one in items):
            return items
        raise fail(f"{self._url}: {_NO_API}, got no such list")

    def pages(self, *path: str, limit: int, **params: Any) -> JsonObject:
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

    def page(self, *path: str, **params: Any) -> JsonObject:
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

    def _ask(self, method: str, path: tuple[str, ...], **request: Any) -> JsonObject:
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


def _content(answer: Any, method: str, url: str) -> JsonObject:
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


def _moved_on(answer: JsonObject, place: Any) -> JsonObject:
    if answer["next"] == place:
        raise ValueError("the same step again")
    return answer


def _sum(one: JsonObject, other: JsonObject) -> JsonObject:
    """Return the sum of two partial answers."""
    return {name: _added(name, value, other[name]) for name, value in one.items()}


def _added(name: str, one: Any, other: Any) -> Any:
    match name:
        case "next" | "resource" | "namespace":
            return other
        case "oldest":
            return min(
                (time for time in (one, other) if time is not None), default=None
            )
        case "listed" if isinstance(one, list):
            return _by_place([*one, *other])
        case _:
            return one + other


def _by_place(listed: Iterable[JsonObject]) -> list[JsonObject]:
    found: dict[tuple[str, str], JsonObject] = {}
    for one in listed:
        place = (one["resource"], one["namespace"])
        found[place] = _sum(found[place], one) if place in found else one
    return list(found.values())
