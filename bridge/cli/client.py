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
Most = Annotated[int, typer.Option("--limit", min=1, help="Most rows to list.")]


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

    def get(self, *path: str, **params: Any) -> Any:
        """Return what is at `path`; parameters that are None are left out."""
        given = {name: one for name, one in params.items() if one is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return what came of it."""
        return self._ask("POST", path, json=body or {})

    def put(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Return what came of it."""
        return self._ask("PUT", path, json=body)

    def delete(self, *path: str) -> None:
        """Delete what is at `path`."""
        self._ask("DELETE", path)

    def pages(self, *path: str, limit: int, **params: Any) -> dict[str, Any]:
        """Return a list of up to `limit` items, read page by page, and what is next."""
        items: list[Any] = []
        after = params.pop("after", None)
        while True:
            most = min(limit - len(items), _LARGEST_PAGE)
            page = self.get(*path, limit=most, after=after, **params)
            items += page["items"]
            after = page["next"]
            if after is None or len(items) >= limit:
                return {"items": items, "next": after}

    def _ask(self, method: str, path: tuple[str, ...], **request: Any) -> Any:
        import httpx  # noqa: PLC0415  # takes longer than --help may

        url = "/".join((self._url, "api/v1", *(quote(part, safe="") for part in path)))
        # No proxy from the environment: the token is for the bridge alone.
        try:
            with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                answer = client.request(method, url, headers=self._headers, **request)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            problem = f"{self._url} does not answer ({reason}): is the bridge running?"
            raise fail(problem) from error
        return _content(answer, method, self._url)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_http = parts.scheme in {"http", "https"} and parts.port != 0
        return is_http and bool(parts.hostname)
    except ValueError:
        return False


def _content(answer: Any, method: str, url: str) -> Any:
    if answer.status_code == 204:
        return None
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.is_success and content is not None:
        return content
    said = content.get("error") if isinstance(content, dict) else None
    said = said or f"expected the API of kubebridge, got {answer.status_code}"
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
