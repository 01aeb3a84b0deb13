"""Files and variables that are named and missing (issue 10, item 14)."""

import pytest

from bridge.config import find_missing, parse_config

TEXT = """
cluster: {kubeconfig: kube}
sinks:
- name: a
  url: https://h
  auth: {bearer: {file: token}}
  headers: {X-Key: {env: KEY}}
  tls: {ca: ca.pem}
server: {token: {env: TOKEN}}
"""


@pytest.fixture
def config(tmp_path):
    """A configuration that names four files and two variables."""
    return parse_config(TEXT, name=str(tmp_path / "bridge.yaml"), env={})


def test_what_is_missing_is_named_with_its_key(config, tmp_path):
    """Wherever it stands in the document (item 14)."""
    found = list(find_missing(config, {"TOKEN": ""}))

    assert found == [
        f"cluster.kubeconfig: no such file: {tmp_path}/kube",
        "sinks[0].headers.X-Key: variable KEY is not set, or empty",
        f"sinks[0].auth.bearer.file: no such file: {tmp_path}/token",
        f"sinks[0].tls.ca: no such file: {tmp_path}/ca.pem",
        "server.token: variable TOKEN is not set, or empty",
    ]


def test_what_is_there_is_no_problem(config, tmp_path):
    """Nor is the queue, whose file is made (item 14)."""
    for name in ("kube", "token", "ca.pem"):
        (tmp_path / name).touch()

    assert list(find_missing(config, {"KEY": "k", "TOKEN": "t"})) == []


def test_why_a_file_cannot_be_read_is_said(config, tmp_path, monkeypatch):
    """A loop of links, no permission, an impossible name (item 14)."""
    (tmp_path / "kube").symlink_to("kube")
    (tmp_path / "token").touch()
    (tmp_path / "ca.pem").touch()
    monkeypatch.setattr("os.access", lambda *_: False)

    found = "\n".join(find_missing(config, {"KEY": "k", "TOKEN": "t"}))

    assert "kube: too many levels of symbolic links" in found
    assert f"sinks[0].tls.ca: not allowed to read {tmp_path}/ca.pem" in found
