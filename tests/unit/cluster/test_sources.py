"""Where credentials are looked for, and what a kubeconfig's user stands for."""

import base64
import json
import sys

import pytest

from bridge.cluster.session.sources import (
    KubeconfigSource,
    ServiceAccountSource,
    find_source,
)
from bridge.errors import CredentialsError
from tests.unit.cluster.server import CERTIFICATES, kubeconfig

URL = "https://one.example:6443"
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def pod(tmp_path):
    """The folder of a service account."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("pod-token\n")
    (folder / "ca.crt").write_bytes((CERTIFICATES / "ca.pem").read_bytes())
    return folder


async def load(folder, *, url=URL, **settings):
    """Return the access that a kubeconfig gives."""
    path = kubeconfig(folder, url=url, **settings)
    return await KubeconfigSource([path], context=None).load()


def find(folder, environ, **options):
    """Look for credentials."""
    settings = {"kubeconfig": None, "context": None} | options
    return find_source(service_account=folder, environ=environ, **settings)


def test_in_a_pod_the_service_account_is_used(pod, tmp_path):
    """It comes before KUBECONFIG."""
    environ = POD | {"KUBECONFIG": str(kubeconfig(tmp_path, url=URL))}

    assert isinstance(find(pod, environ), ServiceAccountSource)


def test_a_kubeconfig_that_is_named_comes_first(pod, tmp_path):
    """Even in a pod."""
    source = find(pod, POD, kubeconfig=tmp_path / "mine")

    assert isinstance(source, KubeconfigSource)


def test_a_context_means_a_kubeconfig(pod, tmp_path):
    """A service account has none."""
    environ = POD | {"KUBECONFIG": str(kubeconfig(tmp_path, url=URL))}

    assert isinstance(find(pod, environ, context="here"), KubeconfigSource)


async def test_kubeconfig_may_name_several_files(tmp_path):
    """Those that do not exist are passed over, as kubectl does."""
    path = kubeconfig(tmp_path, url=URL)
    environ = {"KUBECONFIG": f"{tmp_path}/absent::{path}"}

    access = await find(tmp_path, environ).load()

    assert access.configuration.host == URL


async def test_the_default_is_in_the_home_folder(tmp_path):
    """~/.kube/config, without which there is nothing left."""
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube", url=URL).rename(tmp_path / ".kube" / "config")

    access = await find(tmp_path, {"HOME": str(tmp_path)}).load()

    assert access.configuration.host == URL


def test_nothing_anywhere_is_an_error_that_says_where_it_was_looked_for(tmp_path):
    """A service account needs the environment too."""
    with pytest.raises(CredentialsError) as caught:
        find(tmp_path / "sa", {"HOME": str(tmp_path)})

    assert f"in {tmp_path}/sa, and" in str(caught.value)
    assert f"no kubeconfig at {tmp_path}/.kube/config" in str(caught.value)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t"}, "Bearer t"),
        ({"token": "t", "tokenFile": "token"}, "Bearer from-file"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, None),
    ],
)
async def test_a_user_is_known_by_a_header(tmp_path, user, header):
    """A token file wins over a token; without either nobody is."""
    (tmp_path / "token").write_text("from-file\n")

    access = await load(tmp_path, user=user)

    assert access.configuration.api_key.get("BearerToken") == header


async def test_a_user_may_be_known_by_a_certificate(tmp_path):
    """From files or inline, as is the authority."""
    pem = (CERTIFICATES / "client.pem").read_bytes()
    (tmp_path / "key.pem").write_bytes(pem)
    user = {
        "client-certificate-data": base64.b64encode(pem).decode(),
        "client-key": "key.pem",
    }
    cluster = {"certificate-authority": str(CERTIFICATES / "ca.pem")}

    tls = (await load(tmp_path, user=user, cluster=cluster)).tls

    assert (tls.certificate, tls.key) == (pem, pem)
    assert tls.authority == (CERTIFICATES / "ca.pem").read_bytes()


async def test_a_user_may_be_known_by_a_plugin(tmp_path):
    """Its answer decides when it is asked again."""
    version = "client.authentication.k8s.io/v1"
    answer = {
        "apiVersion": version,
        "kind": "ExecCredential",
        "status": {"token": "plugged"},
    }
    code = f"print('''{json.dumps(answer)}''')"
    plugin = {"apiVersion": version, "interactiveMode": "Never"}
    plugin |= {"command": sys.executable, "args": ["-c", code]}

    access = await load(tmp_path, user={"exec": plugin})

    assert access.configuration.api_key["BearerToken"] == "Bearer plugged"
    assert access.renew_after_seconds == float("inf")


async def test_a_cluster_says_how_it_is_reached(tmp_path):
    """Proxy, server name and verification, as kubectl takes them."""
    cluster = {
        "insecure-skip-tls-verify": True,
        "tls-server-name": "inner",
        "proxy-url": "http://proxy.example:3128",
    }

    access = await load(tmp_path, cluster=cluster)

    assert access.tls.verify is False
    assert access.configuration.tls_server_name == "inner"
    assert access.configuration.proxy == "http://proxy.example:3128"


@pytest.mark.parametrize(
    "server",
    ["one.example", "ftp://one.example", "https://u:p@one.example", "http://["],
)
async def test_a_server_that_is_no_url_is_an_error(tmp_path, server):
    """It names the field and quotes nothing: a URL may hold a password."""
    with pytest.raises(CredentialsError, match=r"clusters\[c\].server: expected an h"):
        await load(tmp_path, url=server)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cluster": {"certificate-authority": "bad"}}, "certificate-authority /"),
        (
            {"user": {"client-certificate": "bad", "client-key": "bad"}},
            "client-certificate /",
        ),
        ({"user": {"tokenFile": "bad"}}, "tokenFile /"),
        ({"user": {"token": "two\nlines"}}, "users[u].token: expected one line"),
    ],
)
async def test_what_cannot_be_used_is_named_with_its_file(tmp_path, settings, message):
    """File, entry and field, and the file that it refers to."""
    (tmp_path / "bad").write_text("two\nlines")

    with pytest.raises(CredentialsError) as caught:
        (await load(tmp_path, **settings)).tls.context()

    assert f"kubeconfig {tmp_path}/kubeconfig: " in str(caught.value)
    assert message in str(caught.value)
    assert "lines" not in str(caught.value)


async def test_a_changed_kubeconfig_is_read_again(tmp_path):
    """Each load looks."""
    path = kubeconfig(tmp_path, url=URL, user={"token": "one"})
    source = KubeconfigSource([path], context=None)
    await source.load()

    kubeconfig(tmp_path, url=URL, user={"token": "two"})
    access = await source.load()

    assert access.configuration.api_key["BearerToken"] == "Bearer two"


async def test_an_address_of_ipv6_is_set_in_brackets(pod):
    """Else its last part would be the port."""
    source = ServiceAccountSource(
        folder=pod, environ=POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}
    )

    assert (await source.load()).configuration.host == "https://[fd00::1]:443"


async def test_a_service_account_is_read_anew_each_time(pod):
    """The kubelet rotates its token; the newline is no part of it."""
    source = ServiceAccountSource(folder=pod, environ=POD)
    first = await source.load()
    (pod / "token").write_text("rotated")

    second = await source.load()

    assert first.configuration.host == "https://10.0.0.1:443"
    assert first.configuration.api_key["BearerToken"] == "Bearer pod-token"
    assert second.configuration.api_key["BearerToken"] == "Bearer rotated"
    assert second.tls == first.tls


@pytest.mark.parametrize("name", ["token", "ca.crt"])
async def test_a_service_account_without_a_file_is_an_error(pod, name):
    """It names the file."""
    (pod / name).unlink()

    with pytest.raises(CredentialsError, match=str(pod / name)):
        await ServiceAccountSource(folder=pod, environ=POD).load()


async def test_a_service_account_without_an_address_is_an_error(pod):
    """It names the variables."""
    with pytest.raises(CredentialsError, match="KUBERNETES_SERVICE_PORT"):
        await ServiceAccountSource(folder=pod, environ={}).load()
