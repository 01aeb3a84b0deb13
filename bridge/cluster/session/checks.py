"""What is wrong with a selection, by the rules of client-go, told before it is used."""

from urllib.parse import SplitResult, urlsplit

from bridge.cluster.session.forms import Exec, KubeconfigUser
from bridge.cluster.session.kubeconfig import KubeconfigEntry, SelectedContext
from bridge.errors import CredentialsError

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
