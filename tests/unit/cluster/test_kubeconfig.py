"""kubeconfig files: what a context means, and what is wrong when it means nothing."""

import base64

import pytest
import yaml

from bridge.cluster.session.kubeconfig import select
from bridge.errors import CredentialsError

SECRET = "hush-hush"


def write(path, **content):
    """Write a kubeconfig."""
    path.write_text(yaml.safe_dump(content))
    return path


def context(name, cluster="c", user="u"):
    """One of `contexts`."""
    return {"name": name, "context": {"cluster": cluster, "user": user}}


CLUSTERS = [{"name": "c", "cluster": {"server": "https://one"}}]
USERS = [{"name": "u", "user": {"token": SECRET}}]


def test_a_context_leads_to_cluster_and_user(tmp_path):
    """The current one, when none is asked for."""
    path = write(
        tmp_path / "config",
        contexts=[context("a"), context("b", cluster="other")],
        clusters=CLUSTERS,
        users=USERS,
        **{"current-context": "a"},
    )

    found = select([path], context=None)

    assert (found.context, found.cluster.server) == ("a", "https://one")
    assert (found.user.token, found.user_entry.label) == (SECRET, "users[u]")


def test_a_context_that_is_asked_for_wins(tmp_path):
    """The current one is only a default."""
    path = write(
        tmp_path / "config",
        contexts=[context("a"), context("b", user=None)],
        clusters=CLUSTERS,
        **{"current-context": "a"},
    )

    found = select([path], context="b")

    assert (found.context, found.user.token) == ("b", None)


def test_files_are_merged_as_kubectl_does(tmp_path):
    """The first to name a thing wins, and relative paths start from its file."""
    (tmp_path / "sub").mkdir()
    first = write(tmp_path / "first", **{"current-context": "a"}, users=USERS)
    second = write(
        tmp_path / "sub" / "second",
        **{"current-context": "b"},
        contexts=[context("a")],
        clusters=CLUSTERS,
        users=[{"name": "u", "user": {"token": "other"}}],
    )

    found = select([first, second], context=None)

    assert (found.context, found.user.token) == ("a", SECRET)
    assert found.cluster_entry.resolve("ca.crt") == tmp_path / "sub" / "ca.crt"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"current-context": None}, "context: expected one of (a), got no name"),
        ({"current-context": "z"}, "context: expected one of (a), got z"),
        ({"contexts": None}, "context: expected one of (none is there), got a"),
        ({"clusters": []}, "cluster of context a: expected one of (none is there)"),
        ({"users": []}, "user of context a: expected one of (none is there), got u"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error(tmp_path, changes, message):
    """The error says which file, which field, and which names there are."""
    content = {"contexts": [context("a")], "clusters": CLUSTERS, "users": USERS}
    path = write(tmp_path / "config", **{"current-context": "a"} | content | changes)

    with pytest.raises(CredentialsError) as caught:
        select([path], context=None)

    assert str(caught.value).startswith(f"kubeconfig {path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [\n", "expected YAML, error in line 2"),
        ("\x00", "expected YAML"),
        ("", "context: expected one of (none is there), got no name"),
        ("kind: Konfig", "kind: expected Config"),
        ("users: 2020-99-99", "expected YAML"),
        ("[]", "Expected `object`, got `array`"),
        ("users: {token: hush-hush}", "Expected `array | null`, got `object`"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_an_error(tmp_path, content, message):
    """It names the file and the place, and quotes nothing that may be secret."""
    path = tmp_path / "config"
    path.write_text(content)

    with pytest.raises(CredentialsError) as caught:
        select([path], context=None)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_absent_is_an_error(tmp_path):
    """With what the system says about it."""
    with pytest.raises(CredentialsError, match="No such file"):
        select([tmp_path / "config"], context=None)


def test_pem_data_may_be_broken_into_lines(tmp_path):
    """As in Go, which skips line breaks in base64."""
    entry = select_any(tmp_path).cluster_entry
    data = base64.encodebytes(b"inline" * 20).decode()

    found = entry.pem("certificate-authority", path=None, data=data)

    assert found == b"inline" * 20


def test_pem_may_be_absent(tmp_path):
    """Then the system's own authorities are trusted."""
    entry = select_any(tmp_path).cluster_entry

    assert entry.pem("certificate-authority", path=None, data=None) is None


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("ca.crt", None, r"clusters\[c\].certificate-authority: expected a readable"),
        ("ca.crt", "aGk=", r"\[c\].certificate-authority: expected either .* got both"),
        (None, "no base64", r"clusters\[c\].certificate-authority-data: .* base64"),
    ],
)
def test_pem_that_cannot_be_read_is_an_error(tmp_path, path, data, message):
    """It names file and field."""
    entry = select_any(tmp_path).cluster_entry

    with pytest.raises(CredentialsError, match=message):
        entry.pem("certificate-authority", path=path, data=data)


def select_any(folder):
    """A selection from a file that is in order."""
    contexts = {"contexts": [context("a")], "current-context": "a"}
    path = write(folder / "config", clusters=CLUSTERS, users=USERS, **contexts)
    return select([path], context=None)
