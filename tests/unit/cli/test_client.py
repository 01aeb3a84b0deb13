"""How verbs ask the API, and what they say when it does not answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.unit.cli.conftest import invoke


@contextmanager
def server(
    status: int, body: bytes, *, seen: list[str | None] | None = None
) -> Iterator[str]:
    """Something that is not kubebridge."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            (seen if seen is not None else []).append(self.headers["Authorization"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = Thread(target=httpd.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        thread.join()


def test_a_bridge_that_does_not_run_is_named():
    """Exit code 1 and one line."""
    result = invoke("sinks", "list", "--url", "http://127.0.0.1:9")

    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("kubebridge: http://127.0.0.1:9 does not answer (")
    assert line.endswith("): is the bridge running?")


@pytest.mark.parametrize("url", ["ftp://h", "h", "http://[", "http://h:99999"])
def test_a_url_that_is_none_is_a_usage_error(url):
    """Exit code 2, and no traceback."""
    result = invoke("sinks", "list", "--url", url)

    assert result.exit_code == 2
    assert result.stderr == (
        f"kubebridge: --url {url}: expected an http or https URL\n"
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "expected the API of kubebridge, got 200"),
        (502, b"[]", "expected the API of kubebridge, got 502"),
        (503, b'{"error": "full"}', "full"),
    ],
)
def test_an_answer_of_something_else_is_named(status, body, said):
    """A proxy's page is no answer of ours."""
    with server(status, body) as url:
        result = invoke("sinks", "list", "--url", url)

    assert result.exit_code == 1
    assert result.stderr == (f"kubebridge: {url}: GET refused with {status}: {said}\n")


def test_a_proxy_in_the_environment_is_not_asked():
    """The token is for the bridge alone."""
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    with server(200, b'{"items": []}') as url:
        result = invoke("sinks", "list", "--url", url, env=env)

    assert json.loads(result.stdout) == {"items": []}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "a readable text file: "),
        (b"\xff", "a readable text file: "),
        (b"\xc3\xa9", "one line of ASCII"),
        (b"a\nb", "one line of ASCII"),
    ],
    ids=["missing", "not UTF-8", "not ASCII", "two lines"],
)
def test_a_token_file_that_cannot_be_used_is_a_usage_error(tmp_path, content, expected):
    """The message names it, and nothing is asked without the token."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    result = invoke("sinks", "list", "--token-file", str(path))

    assert result.exit_code == 2
    assert f"--token-file {path}: expected {expected}" in result.stderr


def test_a_token_of_the_environment_that_cannot_be_used_is_a_usage_error():
    """The message names the variable, never the value."""
    result = invoke("sinks", "list", env={"KUBEBRIDGE_TOKEN": "hunter2é"})

    assert result.exit_code == 2
    assert result.stderr == (
        "kubebridge: KUBEBRIDGE_TOKEN: expected one line of ASCII\n"
    )


async def test_a_token_is_taken_from_its_file(ask, world, tmp_path):
    """Before the environment."""
    path = tmp_path / "token"
    path.write_text("operator\n")

    wrong = await ask("sinks", "resume", "hook", env={"KUBEBRIDGE_TOKEN": "x"})
    right = await ask(
        *("sinks", "resume", "hook", "--token-file", str(path)),
        env={"KUBEBRIDGE_TOKEN": "x"},
    )

    assert (wrong.exit_code, right.exit_code) == (1, 0)
    assert "refused with 401: expected the bearer token" in wrong.stderr


async def test_lists_are_read_page_by_page(ask, world, monkeypatch):
    """Up to the limit that was asked for, however small the pages are."""
    monkeypatch.setattr("bridge.cli.client._LARGEST_PAGE", 2)
    await world.store("a", "b", "c", "d", "e")

    some = json.loads((await ask("events", "list", "--limit", "3")).stdout)
    every = json.loads((await ask("events", "list")).stdout)

    assert (len(some["items"]), some["next"]) == (3, some["items"][2]["handle"])
    assert (len(every["items"]), every["next"]) == (5, None)


def test_netrc_gives_the_client_no_password(tmp_path, monkeypatch):
    """The API's token is all that a verb shows (issue 10, item 5)."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login n password hush\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("KUBEBRIDGE_TOKEN", "t")
    seen: list[str | None] = []

    with server(200, b"{}", seen=seen) as url:
        invoke("sinks", "list", "--url", url)

    assert seen == ["Bearer t"]
