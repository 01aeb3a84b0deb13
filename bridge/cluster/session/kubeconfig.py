"""Read kubeconfig files, select a context, and check it by the rules of client-go.

Read here rather than by kubernetes_asyncio because its messages quote whole entries,
secrets and all, and a missing file is only a log line there.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec
import yaml

from bridge.cluster.session.credentials import read_bytes
from bridge.cluster.session.presentable import one_line
from bridge.errors import CredentialsError


class NamedExtension(msgspec.Struct):
    """One of `clusters[].cluster.extensions`."""

    name: str
    extension: Any = None


class KubeconfigCluster(msgspec.Struct, rename="kebab"):
    """`clusters[].cluster`."""

    server: str | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    disable_compression: bool | None = None
    extensions: list[NamedExtension] | None = None


class ExecVariable(msgspec.Struct):
    """One of `users[].user.exec.env`."""

    name: str = ""
    value: str = ""


class Exec(msgspec.Struct, rename="camel"):
    """`users[].user.exec`: a program that prints credentials."""

    api_version: str | None = None
    command: str | None = None
    args: list[str] | None = None
    env: list[ExecVariable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool | None = None
    interactive_mode: str | None = None


class KubeconfigUser(msgspec.Struct, rename="kebab"):
    """`users[].user`, less the ways of logging in that are refused."""

    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    exec: Exec | None = None
    as_: str | None = msgspec.field(default=None, name="as")
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str] | None] | None = None
    extensions: Any = None


class KubeconfigContext(msgspec.Struct):
    """`contexts[].context`; its namespace is kubectl's, not ours: sources say where."""

    cluster: str | None = None
    user: str | None = None


class Kubeconfig(msgspec.Struct, rename="kebab"):
    """A file; its entries are looked at when a context leads to them."""

    api_version: str | None = msgspec.field(default=None, name="apiVersion")
    kind: str | None = None
    clusters: list[Any] | None = None
    users: list[Any] | None = None
    contexts: list[Any] | None = None
    current_context: str | None = None


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
    """The cluster and the user of a context."""

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
    """Return the cluster and user of a context, from files merged as by kubectl.

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


EXEC_VERSIONS = (
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
)
"""What plugins may speak; v1alpha1 is retired since Kubernetes 1.24."""

_MODES = ("Never", "IfAvailable")


def check(selection: SelectedContext) -> SplitResult:
    """Return where the API server is, if the selection can be used.

    Raises:
        CredentialsError: It cannot; names the key, and never quotes a secret.
    """
    url = _check_cluster(selection)
    user, entry = selection.user, selection.user_entry
    _check_login(user, entry)
    _check_certificate(user, entry)
    if user.exec is not None:
        check_exec(user.exec, entry)
    return url


def _check_cluster(selection: SelectedContext) -> SplitResult:
    cluster, entry = selection.cluster, selection.cluster_entry
    has_authority = cluster.certificate_authority or cluster.certificate_authority_data
    if cluster.insecure_skip_tls_verify and has_authority:
        raise CredentialsError(
            f"{entry.field('insecure-skip-tls-verify')}: expected no "
            "certificate-authority beside it, got one"
        )
    return _server(cluster.server or "", entry)


def _server(server: str, entry: KubeconfigEntry) -> SplitResult:
    try:
        url = urlsplit(server)
        is_good = url.scheme in {"http", "https"} and bool(url.hostname)
        is_good = is_good and "@" not in url.netloc and url.port != 0
    except ValueError:
        url, is_good = urlsplit(""), False
    if not is_good or not server.isprintable() or " " in server:
        raise CredentialsError(
            f"{entry.field('server')}: expected an http(s) URL without userinfo"
        )
    return url


def _check_login(user: KubeconfigUser, entry: KubeconfigEntry) -> None:
    if user.password and not user.username:
        raise CredentialsError(f"{entry.field('password')}: expected username with it")
    token = "token" if user.token else "tokenFile" if user.token_file else ""
    if user.username and token:
        raise CredentialsError(
            f"{entry.field('username')}: expected one way to log in, got {token} too"
        )


def _check_certificate(user: KubeconfigUser, entry: KubeconfigEntry) -> None:
    has_certificate = user.client_certificate or user.client_certificate_data
    has_key = user.client_key or user.client_key_data
    if has_certificate and not has_key:
        raise CredentialsError(f"{entry.field('client-key')}: expected one, got none")
    if has_key and not has_certificate:
        raise CredentialsError(
            f"{entry.field('client-certificate')}: expected one with client-key"
        )


def check_exec(config: Exec, entry: KubeconfigEntry) -> None:
    """Check an exec plugin before anything is run.

    Raises:
        CredentialsError: client-go would refuse it, or ask a person; names the key.
    """
    if not config.command:
        raise CredentialsError(f"{entry.field('exec.command')}: expected a program")
    if config.api_version not in EXEC_VERSIONS:
        versions = " or ".join(EXEC_VERSIONS)
        raise CredentialsError(f"{entry.field('exec.apiVersion')}: expected {versions}")
    mode = config.interactive_mode
    if not mode and config.api_version.endswith("/v1beta1"):
        mode = "IfAvailable"
    if mode not in _MODES:
        raise CredentialsError(
            f"{entry.field('exec.interactiveMode')}: expected {' or '.join(_MODES)}: "
            "there is nobody here whom a plugin could ask"
        )
    for variable in config.env or ():
        if not variable.name or "=" in variable.name:
            raise CredentialsError(
                f"{entry.field('exec.env')}: expected a name in each"
            )
