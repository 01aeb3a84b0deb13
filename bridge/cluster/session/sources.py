"""Load credentials from a service account or a kubeconfig."""

import asyncio
import base64
import os
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult

from bridge.cluster.session.credentials import (
    Access,
    Identity,
    TlsMaterial,
    bearer,
    find_proxy,
    header_value,
    read_bytes,
)
from bridge.cluster.session.exec_plugin import exec_cluster, run_plugin
from bridge.cluster.session.kubeconfig import (
    KubeconfigEntry,
    KubeconfigUser,
    SelectedContext,
    check,
    select,
)
from bridge.cluster.session.library import (
    Configuration,
)
from bridge.errors import CredentialsError


class CredentialSource(Protocol):
    """Loads credentials, again and again."""

    async def load(self) -> Access:
        """Return them as they are now; raises `CredentialsError`."""
        ...


def find_source(
    *,
    kubeconfig: Path | None,
    context: str | None,
    service_account: Path,
    environ: Mapping[str, str],
) -> CredentialSource:
    """Return where the credentials are; see `ClusterClient.open` for the order.

    Raises:
        CredentialsError: There are none in any place.
    """
    if kubeconfig is not None:
        paths = [kubeconfig.expanduser()]
        return KubeconfigSource(paths, context=context, environ=environ)
    if context is None and is_in_cluster(folder=service_account, environ=environ):
        return ServiceAccountSource(folder=service_account, environ=environ)
    paths = _default_paths(environ)
    existing = [path for path in paths if path.exists()]
    if not existing:
        places = ", ".join(map(str, paths))
        raise CredentialsError(
            f"no way into a cluster: not in a pod with a service account in "
            f"{service_account}, and no kubeconfig at {places}"
        )
    return KubeconfigSource(existing, context=context, environ=environ)


class KubeconfigSource:
    """Reads a kubeconfig, runs its plugin, and does so again when asked to."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        context: str | None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Bind files and context; nothing is read yet.

        Args:
            paths: Files that exist, the first to name a thing wins.
            context: See `select`.
            environ: Where proxies are looked up; None: nowhere.
        """
        self._paths = paths
        self._context = context
        self._environ = dict(environ or {})

    async def load(self) -> Access:
        """Return the credentials as they are now.

        Raises:
            CredentialsError: A file, a name in it or what it refers to is unusable.
        """
        # In a thread, for a file may lie on a network.
        return await self._finish(await asyncio.to_thread(self._read))

    def _read(self) -> "_Read":
        selection = select(self._paths, context=self._context)
        url = check(selection)
        cluster, entry = selection.cluster, selection.cluster_entry
        configuration = Configuration()
        configuration.host = _base(url)
        configuration.tls_server_name = cluster.tls_server_name or None
        configuration.proxy = find_proxy(
            configuration.host,
            named=cluster.proxy_url,
            field=entry.field("proxy-url"),
            environ=self._environ,
        )
        is_secure = url.scheme == "https"
        return _Read(
            selection=selection,
            configuration=configuration,
            is_secure=is_secure,
            authority=_authority(selection),
            identity=_stated(selection, is_secure=is_secure),
        )

    async def _finish(self, read: "_Read") -> Access:
        identity, selection = read.identity, read.selection
        plugin = selection.user.exec
        if plugin is not None and read.is_secure and not _is_somebody(identity):
            cluster = exec_cluster(selection.cluster, authority=read.authority)
            found = await run_plugin(
                plugin,
                entry=selection.user_entry,
                cluster=cluster if plugin.provide_cluster_info else None,
            )
            identity = replace(found, impersonation=identity.impersonation)
        if identity.authorization is not None:
            read.configuration.api_key["BearerToken"] = identity.authorization
        return Access(
            configuration=read.configuration,
            tls=_tls(read, identity),
            impersonation=identity.impersonation,
            renew_after_seconds=identity.renew_after_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The content of the files, before a plugin is run."""

    selection: SelectedContext
    configuration: Configuration
    is_secure: bool
    authority: bytes | None
    identity: Identity


def _base(url: SplitResult) -> str:
    """Return the URL below which the API lives, as client-go: no query, no slash."""
    return url._replace(query="", fragment="").geturl().rstrip("/")


def _default_paths(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("KUBECONFIG", "").split(os.pathsep)
    home = environ.get("HOME") or str(Path.home())
    return [Path(part) for part in named if part] or [Path(home, ".kube", "config")]


def _stated(selection: SelectedContext, *, is_secure: bool) -> Identity:
    """Return the identity that the kubeconfig itself states.

    Over plain HTTP only that which is no secret, as client-go.
    """
    user, entry = selection.user, selection.user_entry
    if not is_secure:
        return Identity(impersonation=impersonation(user, entry=entry))
    return Identity(
        authorization=_authorization(user, entry),
        certificate=entry.pem(
            "client-certificate",
            path=user.client_certificate,
            data=user.client_certificate_data,
        ),
        key=entry.pem("client-key", path=user.client_key, data=user.client_key_data),
        impersonation=impersonation(user, entry=entry),
    )


def _is_somebody(identity: Identity) -> bool:
    """Return whether there is an identity, so that client-go asks no plugin for one."""
    return identity.authorization is not None or identity.certificate is not None


def _authorization(user: KubeconfigUser, entry: KubeconfigEntry) -> str | None:
    if user.username:
        login = f"{user.username}:{user.password or ''}".encode(errors="replace")
        return f"Basic {base64.b64encode(login).decode()}"
    if user.token_file:
        field = entry.source("tokenFile", path=user.token_file)
        try:
            token = read_bytes(entry.resolve(user.token_file), field=field)
            return bearer(token.strip(), field=field)
        except CredentialsError:
            if not user.token:  # the file wins only if it can be read, as in client-go
                raise
    if user.token:
        return bearer(user.token.encode(errors="replace"), field=entry.field("token"))
    return None


def _authority(selection: SelectedContext) -> bytes | None:
    cluster = selection.cluster
    return selection.cluster_entry.pem(
        "certificate-authority",
        path=cluster.certificate_authority,
        data=cluster.certificate_authority_data,
    )


def _tls(read: _Read, identity: Identity) -> TlsMaterial:
    cluster, entry = read.selection.cluster, read.selection.cluster_entry
    user, user_entry = read.selection.user, read.selection.user_entry
    return TlsMaterial(
        authority=read.authority,
        authority_field=entry.source(
            "certificate-authority", path=cluster.certificate_authority
        ),
        certificate=identity.certificate,
        certificate_field=user_entry.source(
            "client-certificate", path=user.client_certificate
        ),
        key=identity.key,
        verify=not cluster.insecure_skip_tls_verify,
    )


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token and CA."""


class ServiceAccountSource:
    """Reads the service account at each load: its token lives for about an hour."""

    def __init__(self, *, folder: Path, environ: Mapping[str, str]) -> None:
        """Bind the folder; nothing is read yet.

        Args:
            folder: Holds ``token`` and ``ca.crt``.
            environ: Has the address of the API server and of a proxy.
        """
        self._folder = folder
        self._environ = dict(environ)

    async def load(self) -> Access:
        """Return the credentials as they are now.

        Raises:
            CredentialsError: A file or an environment variable is unusable.
        """
        token = read_bytes(self._folder / "token", field="service account token")
        authority = read_bytes(self._folder / "ca.crt", field="service account CA")
        configuration = Configuration()
        configuration.host = _service_url(self._environ)
        configuration.api_key["BearerToken"] = bearer(
            token.strip(), field="service account token"
        )
        configuration.proxy = find_proxy(configuration.host, environ=self._environ)
        return Access(
            configuration=configuration,
            tls=TlsMaterial(
                authority=authority,
                authority_field=f"service account CA {self._folder / 'ca.crt'}",
            ),
        )


def _service_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the API server as a Pod finds it in its environment.

    Raises:
        CredentialsError: A variable is missing.
    """
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    port = environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise CredentialsError(
            "service account: expected the environment variables "
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, "
            "got at least one unset or empty"
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def is_in_cluster(*, folder: Path, environ: Mapping[str, str]) -> bool:
    """Return whether this process runs in a Pod with a service account."""
    try:
        with (folder / "token").open("rb"):
            return bool(environ.get("KUBERNETES_SERVICE_HOST"))
    except OSError:
        return False


# What a header's name may hold (RFC 9110, 5.6.2), less the sign that escapes the rest.
_PLAIN = frozenset((string.ascii_letters + string.digits + "!#$&'*+-.^_`|~").encode())


def impersonation(
    user: KubeconfigUser, *, entry: KubeconfigEntry
) -> tuple[tuple[str, str], ...]:
    """Return the header fields for ``as`` and the keys that begin with it.

    Raises:
        CredentialsError: There is a group, uid or extra, but nobody to be; or a value
            cannot stand in a header. Names the key.
    """
    if not user.as_:
        for key, value in _besides(user):
            if value:
                raise CredentialsError(
                    f"{entry.field(key)}: expected `as` beside it, got nobody to be"
                )
        return ()
    return tuple(
        (name, header_value(value, field=entry.field(key)))
        for key, name, value in _fields(user)
    )


def _besides(user: KubeconfigUser) -> tuple[tuple[str, object], ...]:
    return (
        ("as-uid", user.as_uid),
        ("as-groups", user.as_groups),
        ("as-user-extra", user.as_user_extra),
    )


def _fields(user: KubeconfigUser) -> Iterator[tuple[str, str, str]]:
    """Yield the key of the kubeconfig, the header's name and its value."""
    yield "as", "Impersonate-User", user.as_ or ""
    if user.as_uid:
        yield "as-uid", "Impersonate-Uid", user.as_uid
    for group in user.as_groups or ():
        yield "as-groups", "Impersonate-Group", group
    for key, values in (user.as_user_extra or {}).items():
        for value in values or ():
            yield "as-user-extra", f"Impersonate-Extra-{_escaped(key)}", value


def _escaped(key: str) -> str:
    """Return a key as it stands in a header's name: %-escaped byte by byte."""
    raw = key.encode(errors="surrogatepass")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
