"""kubeconfig files → the one cluster and user that a context means.

Read here rather than by kubernetes_asyncio because its messages quote whole entries,
secrets and all, and a missing file is only a log line there.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from bridge.cluster.session.access import read_bytes
from bridge.errors import CredentialsError


class Cluster(msgspec.Struct, rename="kebab"):
    """`clusters[].cluster`."""

    server: str
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None


class ExecVariable(msgspec.Struct):
    """One of `users[].user.exec.env`."""

    name: str
    value: str


class Exec(msgspec.Struct, rename="camel"):
    """`users[].user.exec`: a program that prints credentials."""

    api_version: str
    command: str
    args: list[str] | None = None
    env: list[ExecVariable] | None = None


class User(msgspec.Struct, rename="kebab"):
    """`users[].user`."""

    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    exec: Exec | None = None
    auth_provider: dict[str, Any] | None = None


class Context(msgspec.Struct):
    """`contexts[].context`."""

    cluster: str
    user: str | None = None


class NamedCluster(msgspec.Struct):
    """One of `clusters`."""

    name: str
    cluster: Cluster


class NamedUser(msgspec.Struct):
    """One of `users`."""

    name: str
    user: User | None = None


class NamedContext(msgspec.Struct):
    """One of `contexts`."""

    name: str
    context: Context


class Kubeconfig(msgspec.Struct, rename="kebab"):
    """One file (kubernetes.io, kubeconfig v1)."""

    clusters: list[NamedCluster] | None = None
    users: list[NamedUser] | None = None
    contexts: list[NamedContext] | None = None
    current_context: str | None = None


Named = TypeVar("Named", NamedCluster, NamedUser, NamedContext)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A named thing of a kubeconfig; `file` is what its relative paths start from."""

    label: str
    file: Path

    def resolve(self, path: str) -> Path:
        """Return a path of this entry, relative to its file."""
        return self.file.parent / path

    def field(self, name: str) -> str:
        """Return what messages call a field of this entry."""
        return f"kubeconfig {self.file}: {self.label}.{name}"

    def source(self, name: str, *, path: str | None) -> str:
        """Return what messages call a thing that is inline data or a file."""
        return f"{self.field(name)} {self.resolve(path)}" if path else self.field(name)

    def pem(self, name: str, *, path: str | None, data: str | None) -> bytes | None:
        """Return inline data, which comes first, or the file's content, or None.

        Raises:
            CredentialsError: Not base64, or the file cannot be read.
        """
        if data:
            try:
                return base64.b64decode(data, validate=True)
            except binascii.Error as error:
                field = self.field(f"{name}-data")
                raise CredentialsError(f"{field}: expected base64") from error
        return read_bytes(self.resolve(path), field=self.field(name)) if path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a context stands for."""

    context: str
    cluster: Cluster
    cluster_entry: Entry
    user: User
    user_entry: Entry


def read_kubeconfig(path: Path) -> Kubeconfig:
    """Return one file, its form checked.

    Raises:
        CredentialsError: It cannot be read or is no kubeconfig; quotes no values.
    """
    text = read_bytes(path, field="kubeconfig")
    try:
        return msgspec.convert(yaml.safe_load(text), Kubeconfig)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", error in line {mark.line + 1}" if mark else ""
        raise CredentialsError(f"kubeconfig {path}: expected YAML{line}") from error
    except msgspec.ValidationError as error:
        raise CredentialsError(f"kubeconfig {path}: {error}") from error


def select(paths: Sequence[Path], *, context: str | None) -> Selection:
    """Return what a context means in files merged as kubectl does: the first wins.

    Args:
        paths: Files that exist.
        context: Its name; None: the current one.

    Raises:
        CredentialsError: A file is unusable, or a name leads nowhere; the message
            names the file and says which names there are.
    """
    files = [(path, read_kubeconfig(path)) for path in paths]
    where = "kubeconfig " + ":".join(map(str, paths))
    contexts = _merged(files, lambda file: file.contexts)
    name = context or _current_context(files)
    _, chosen = _find(contexts, name, f"{where}: context")
    cluster_file, cluster = _find(
        _merged(files, lambda file: file.clusters),
        chosen.context.cluster,
        f"{where}: cluster of context {name}",
    )
    user_file, user = cluster_file, NamedUser(name="")
    if chosen.context.user:
        users = _merged(files, lambda file: file.users)
        field = f"{where}: user of context {name}"
        user_file, user = _find(users, chosen.context.user, field)
    return Selection(
        context=name,
        cluster=cluster.cluster,
        cluster_entry=Entry(label=f"clusters[{cluster.name}]", file=cluster_file),
        user=user.user or User(),
        user_entry=Entry(label=f"users[{user.name}]", file=user_file),
    )


def _current_context(files: Sequence[tuple[Path, Kubeconfig]]) -> str:
    named = (file.current_context for _, file in files if file.current_context)
    return next(named, "")


def _merged(
    files: Sequence[tuple[Path, Kubeconfig]],
    part: Callable[[Kubeconfig], list[Named] | None],
) -> dict[str, tuple[Path, Named]]:
    merged: dict[str, tuple[Path, Named]] = {}
    for path, file in files:
        for one in part(file) or ():
            merged.setdefault(one.name, (path, one))
    return merged


def _find(
    known: Mapping[str, tuple[Path, Named]], name: str, field: str
) -> tuple[Path, Named]:
    if name not in known:
        names = ", ".join(sorted(known)) or "none is there"
        got = name or "no name"
        raise CredentialsError(f"{field}: expected one of ({names}), got {got}")
    return known[name]
