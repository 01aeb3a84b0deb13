"""kube-apiserver: its process, its users and the ways to call it."""

import contextlib
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.controlplane.access import (
    ADMIN,
    User,
    write_kubeconfig,
    write_secret,
    write_tokens,
)
from tests.controlplane.process import ControlPlaneError, Server
from tests.ports import free_port

HOST = "127.0.0.1"


class ApiServer:
    """A kube-apiserver on loopback whose port and tokens outlive a restart.

    Attributes:
        url: `https://127.0.0.1:<port>`.
        certificate_authority: the PEM file to trust; the first start writes it.
        signing_key: the PEM file of the key that signs ServiceAccount tokens.
        server: the process and its log.
    """

    def __init__(
        self,
        *,
        folder: Path,
        binaries: Mapping[str, Path],
        flags: Sequence[str],
        users: Sequence[User] = (),
    ) -> None:
        """Choose a port and write the tokens; nothing runs yet.

        Args:
            folder: for certificates, tokens, kubeconfigs and the log.
            binaries: name → path; kubectl may be among them.
            flags: at least `--etcd-servers`; they win over ours.
            users: users besides the admin.
        """
        self.port = free_port()
        self.url = f"https://{HOST}:{self.port}"
        # The server makes its TLS certificate and key itself. One RSA key is as good
        # as another for signing ServiceAccount tokens, so that one does it too.
        self.certificate_authority = folder / "certificates" / "apiserver.crt"
        self.signing_key = folder / "certificates" / "apiserver.key"
        self._folder, self._kubectl = folder, binaries.get("kubectl")
        admin = User(name=ADMIN, groups=("system:masters",))
        self._tokens = {user.name: user.token for user in (admin, *users)}
        write_tokens((admin, *users), folder / "tokens.csv")
        command = [str(binaries["kube-apiserver"]), *self._flags(), *flags]
        self.server = Server(
            name="kube-apiserver", command=command, log=folder / "kube-apiserver.log"
        )

    def start(self) -> None:
        """Start it, on its port and on what etcd holds."""
        self.server.start(self._is_ready)

    def stop(self, *, kill: bool = False) -> None:
        """End it; `kill` is SIGKILL, which cuts its connections at once."""
        self.server.stop(kill=kill)

    def restart(self, *, kill: bool = False) -> None:
        """Stop it and start it again: same port, same tokens, same data."""
        self.stop(kill=kill)
        self.start()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = ADMIN,
        token: str | None = None,
    ) -> Any:
        """Call the API and return the JSON it answers; a PATCH is a merge patch.

        Args:
            method: the HTTP method.
            path: path and query.
            body: sent as JSON; `None` sends nothing.
            user: whose static token is used.
            token: used instead, say that of a ServiceAccount.

        Raises:
            httpx.HTTPStatusError: the answer is not 2xx; its `response` tells why.
            httpx.TransportError: there was no answer.
        """
        kind = "merge-patch+json" if method == "PATCH" else "json"
        answer = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={
                "Authorization": f"Bearer {token or self.token(user)}",
                "Content-Type": f"application/{kind}",
            },
            verify=self.ssl_context(),
            trust_env=False,
            timeout=60,
        )
        return answer.raise_for_status().json()

    def kubectl(self, *arguments: str, stdin: str = "", user: str = ADMIN) -> str:
        """Run kubectl and return what it prints.

        Raises:
            ControlPlaneError: there is no kubectl, or it failed; has what it said.
        """
        if self._kubectl is None:
            raise ControlPlaneError("kubectl: not found; run `make controlplane`")
        done = subprocess.run(
            [self._kubectl, f"--kubeconfig={self.kubeconfig(user)}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise ControlPlaneError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts this API server and nobody else."""
        return ssl.create_default_context(cafile=self.certificate_authority)

    def token(self, user: str = ADMIN) -> str:
        """Return the bearer token of the admin or another user."""
        return self._tokens[user]

    def kubeconfig(self, user: str = ADMIN, *, path: Path | None = None) -> Path:
        """Write a kubeconfig for a user and return its path.

        Args:
            user: the admin, or one of `users`.
            path: where; `None` is a file of that user's in the folder.
        """
        path = path or self._folder / f"{user}.kubeconfig"
        ca, token = self.certificate_authority, self.token(user)
        write_kubeconfig(
            path, url=self.url, certificate_authority=ca, user=user, token=token
        )
        return path

    def service_account_token(
        self,
        namespace: str,
        name: str,
        *,
        seconds: int = 3600,
        audience: str | None = None,
    ) -> str:
        """Return a token for a ServiceAccount that exists (TokenRequest API).

        Args:
            namespace: of the ServiceAccount.
            name: of the ServiceAccount.
            seconds: how long it is valid; the API server accepts 600 and more.
            audience: for whom it is; `None` is the API server itself.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        spec: dict[str, object] = {"expirationSeconds": seconds}
        if audience is not None:
            spec["audiences"] = [audience]
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        }
        return str(self.request("POST", path, request)["status"]["token"])

    def mount_service_account(self, folder: Path, namespace: str, name: str) -> None:
        """Write token, ca.crt and namespace into a folder, as a Pod finds them.

        Done again, it replaces the token by a new one, as the kubelet does.
        """
        write_secret(self.service_account_token(namespace, name), folder / "token")
        write_secret(self.certificate_authority.read_text(), folder / "ca.crt")
        write_secret(namespace, folder / "namespace")

    def pod_environment(self) -> dict[str, str]:
        """Return the variables by which a Pod finds its API server."""
        port = str(self.port)
        return {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": port}

    def _flags(self) -> Iterator[str]:
        yield f"--cert-dir={self.certificate_authority.parent}"
        yield f"--bind-address={HOST}"
        yield f"--advertise-address={HOST}"
        yield f"--secure-port={self.port}"
        yield f"--token-auth-file={self._folder / 'tokens.csv'}"
        yield "--authorization-mode=RBAC"
        yield "--service-account-issuer=https://kubernetes.default.svc"
        yield f"--service-account-key-file={self.signing_key}"
        yield f"--service-account-signing-key-file={self.signing_key}"
        yield "--service-cluster-ip-range=10.0.0.0/24"
        yield "--allow-privileged"
        # Without it a stop waits up to a minute for open watches to end.
        yield "--shutdown-watch-termination-grace-period=1s"

    def _is_ready(self) -> bool:
        if not self.certificate_authority.exists():
            return False
        with contextlib.suppress(httpx.HTTPError, ssl.SSLError):
            # These come a moment after readiness; kube-system's uid names a cluster.
            for name in ("kube-system", "default"):
                self.request("GET", f"/api/v1/namespaces/{name}")
            return True
        return False
