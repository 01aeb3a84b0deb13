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

from bridge.cluster.session.complaint import one_line
from bridge.cluster.session.credentials import read_bytes
from bridge.cluster.session.forms import (
    Kubeconfig,
    KubeconfigCluster,
    KubeconfigContext,
    KubeconfigUser,
)
from bridge.errors import CredentialsError

Form = TypeVar("Form", KubeconfigCluster, KubeconfigContext, KubeconfigUser)

_NAMES_SHOWN = 20

_KNOWN_KEYS = frozenset(
    field.encode_name for field in msgspec.structs.fields(KubeconfigUser)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigEntry:
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
        """Return inline data, or the file's content, or None.

        Raises:
            CredentialsError: Not base64, or the file cannot be read; or both are
                there, which kubectl refuses too.
        """
        if data and path:
            raise CredentialsError(
                f"{self.field(name)}: expected either this or {name}-data, got both"
            )
        if data:
            try:
                # Line breaks in it are common, and skipped by Go.
                return base64.b64decode("".join(data.splitlines()), validate=True)
            except (binascii.Error, ValueError) as error:
                field = self.field(f"{name}-data")
                raise CredentialsError(f"{field}: expected base64") from error
        return read_bytes(self.resolve(path), field=self.field(name)) if path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedContext:
    """What a context stands for."""

    context: str
    cluster: KubeconfigCluster
    cluster_entry: KubeconfigEntry
    user: KubeconfigUser
    user_entry: KubeconfigEntry


def read_kubeconfig(path: Path) -> Kubeconfig:
    """Return one file; an empty one is one without entries, as for kubectl.

    Raises:
        CredentialsError: It cannot be read or is no kubeconfig; quotes no values.
    """
    text = read_bytes(path, field="kubeconfig", is_empty_good=True)
    try:
        content = yaml.safe_load(text)
        file = msgspec.convert({} if content is None else content, Kubeconfig)
    except msgspec.ValidationError as error:
        raise CredentialsError(f"kubeconfig {path}: {one_line(str(error))}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # A ValueError is that of a date or a number, and quotes it.
        mark = getattr(error, "problem_mark", None)
        line = f", error in line {mark.line + 1}" if mark else ""
        raise CredentialsError(f"kubeconfig {path}: expected YAML{line}") from error
    if (file.kind or "Config", file.api_version or "v1") != ("Config", "v1"):
        raise CredentialsError(
            f"kubeconfig {path}: kind: expected Config of apiVersion v1, got another"
        )
    return file


def select(paths: Sequence[Path], *, context: str | None) -> SelectedContext:
    """Return what a context means in files merged as kubectl does: the first wins.

    What is wrong with entries that the context does not lead to is not looked at.

    Args:
        paths: Files that exist.
        context: Its name; None: the current one.

    Raises:
        CredentialsError: A file is unusable, or a name leads nowhere; the message
            names the file and says which names there are.
    """
    files = [(path, read_kubeconfig(path)) for path in paths]
    where = "kubeconfig " + ":".join(map(str, paths))
    name = context or _current_context(files)
    contexts = _merged(files, lambda file: file.contexts)
    chosen, entry = _find(contexts, name, field=f"{where}: context", label="contexts")
    chosen_context = _typed(chosen.get("context"), KubeconfigContext, entry)
    cluster, cluster_entry = _find(
        _merged(files, lambda file: file.clusters),
        chosen_context.cluster or "",
        field=f"{where}: cluster of context {name}",
        label="clusters",
    )
    user: Any = {}
    user_entry = KubeconfigEntry(label="users[]", file=cluster_entry.file)
    if chosen_context.user:
        user, user_entry = _find(
            _merged(files, lambda file: file.users),
            chosen_context.user,
            field=f"{where}: user of context {name}",
            label="users",
        )
    login = user.get("user")
    _refuse_unknown_logins(login, user_entry)
    return SelectedContext(
        context=name,
        cluster=_typed(cluster.get("cluster"), KubeconfigCluster, cluster_entry),
        cluster_entry=cluster_entry,
        user=_typed(login, KubeconfigUser, user_entry),
        user_entry=user_entry,
    )


def _refuse_unknown_logins(user: object, entry: KubeconfigEntry) -> None:
    """Refuse every key that is not known: it may be a way to log in, or less rights."""
    if not isinstance(user, dict):
        return
    for key in (key for key, value in user.items() if value is not None):
        if key == "auth-provider":
            raise CredentialsError(
                f"{entry.field(key)}: expected another way to log in: providers inside "
                "of clients are retired, exec plugins take their place"
            )
        if key not in _KNOWN_KEYS:
            known = ", ".join(sorted(_KNOWN_KEYS))
            raise CredentialsError(
                f"{entry.field(one_line(str(key)))}: expected one of ({known})"
            )


def _typed(value: object, form: type[Form], entry: KubeconfigEntry) -> Form:
    try:
        return msgspec.convert({} if value is None else value, form)
    except msgspec.ValidationError as error:
        field = f"kubeconfig {entry.file}: {entry.label}"
        raise CredentialsError(f"{field}: {one_line(str(error))}") from error


def _current_context(files: Sequence[tuple[Path, Kubeconfig]]) -> str:
    named = (file.current_context for _, file in files if file.current_context)
    return next(named, "")


_Named = dict[str, Any]


def _merged(
    files: Sequence[tuple[Path, Kubeconfig]],
    part: Callable[[Kubeconfig], list[Any] | None],
) -> dict[str, tuple[Path, Sequence[_Named]]]:
    """Return by name the first file that has entries of that name, and those."""
    merged: dict[str, tuple[Path, Sequence[_Named]]] = {}
    for path, file in files:
        here: dict[str, list[_Named]] = {}
        for one in part(file) or ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                here.setdefault(one["name"], []).append(one)
        for name, entries in here.items():
            merged.setdefault(name, (path, entries))
    return merged


def _find(
    known: Mapping[str, tuple[Path, Sequence[_Named]]],
    name: str,
    *,
    field: str,
    label: str,
) -> tuple[_Named, KubeconfigEntry]:
    if name not in known:
        names = ", ".join(sorted(known)[:_NAMES_SHOWN]) or "none is there"
        got = name or "no name"
        raise CredentialsError(f"{field}: expected one of ({names}), got {got}")
    path, entries = known[name]
    entry = KubeconfigEntry(label=f"{label}[{name}]", file=path)
    if len(entries) > 1:
        raise CredentialsError(
            f"kubeconfig {path}: {entry.label}: expected one entry of that name, "
            f"got {len(entries)}"
        )
    return entries[0], entry
