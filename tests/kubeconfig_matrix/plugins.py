"""Programs that print credentials."""

import sys

from tests.kubeconfig_matrix.case import (
    CERTIFICATES,
    TOKEN,
    Refused,
    Seen,
    case,
    config,
)

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"

# Prints a credential with this status; `{info}` is what the plugin was told.
CODE = """
import base64, json, os, sys
told = json.dumps(json.loads(os.environ["KUBERNETES_EXEC_INFO"]), sort_keys=True)
info = base64.urlsafe_b64encode(told.encode()).decode()
status = json.loads(sys.argv[1].replace("{info}", info).replace(
    "{word}", os.environ.get("WORD", "")))
version = sys.argv[2] if len(sys.argv) > 2 else json.loads(told)["apiVersion"]
kind = sys.argv[3] if len(sys.argv) > 3 else "ExecCredential"
print(json.dumps({"apiVersion": version, "kind": kind, "status": status}))
"""


def plugin(status: str = '{"token": "t"}', *arguments: str, **changes) -> dict:
    """A user whose plugin prints this status."""
    keys = {
        "apiVersion": V1,
        "interactiveMode": "Never",
        "command": sys.executable,
        "args": ["-c", CODE, status, *arguments],
        **changes,
    }
    return {"exec": {key: value for key, value in keys.items() if value is not None}}


def shell(script: str) -> dict:
    """A user whose plugin is a script."""
    return plugin(command="sh", args=["-c", script])


def refused(name: str, key: str, user: dict, **more):
    """A row that kubectl refuses too."""
    return case(name, Refused(key=f"users[u].exec{key}"), config(user), **more)


PAIR = '{"clientCertificateData": %s, "clientKeyData": %s}' % (
    (f'"{(CERTIFICATES / "client.pem").read_text()}"'.replace("\n", "\\n"),) * 2
)
TOLD = plugin('{"token": "{info}"}', provideClusterInfo=True)
SCRIPT = f"""#!/bin/sh
echo '{{"apiVersion": "{V1}", "kind": "ExecCredential", "status": {{"token": "t"}}}}'
"""


def told(text: str) -> Seen:
    """What is seen of a plugin that repeats what it was told; the rest is computed."""
    return Seen(authorization=f"TOLD {text}")


CASES = [
    case("a plugin", TOKEN, config(plugin())),
    case(
        "a plugin of v1beta1 needs no mode",
        TOKEN,
        config(plugin(apiVersion=V1BETA1, interactiveMode=None)),
    ),
    case("a plugin that may ask", TOKEN, config(plugin(interactiveMode="IfAvailable"))),
    case(
        "a plugin's environment",
        Seen(authorization="Bearer magic"),
        config(plugin('{"token": "{word}"}', env=[{"name": "WORD", "value": "magic"}])),
    ),
    case(
        "a plugin is told nothing",
        told('{"interactive": false}'),
        config(plugin('{"token": "{info}"}')),
    ),
    case(
        "a plugin is told of the cluster",
        told(
            '{"cluster": {"certificate-authority-data": "CA_DATA", "config": null, '
            '"server": "HTTPS://"}, "interactive": false}'
        ),
        config(TOLD),
    ),
    case(
        "a plugin is told all of the cluster",
        Seen(
            authorization=told(
                '{"cluster": {"certificate-authority-data": "CA_DATA", '
                '"config": {"audience": "a", "list": [1, null]}, '
                '"disable-compression": true, "server": "HTTPS:///x", '
                '"tls-server-name": "elsewhere.invalid"}, "interactive": false}'
            ).authorization,
            server_name="elsewhere.invalid",
            path="/x/version",
        ),
        config(
            TOLD,
            server="HTTPS:///x",
            cluster={
                "tls-server-name": "elsewhere.invalid",
                "disable-compression": True,
                "extensions": [
                    {"name": "other", "extension": {"no": "no"}},
                    {
                        "name": "client.authentication.k8s.io/exec",
                        "extension": {"audience": "a", "list": [1, None]},
                    },
                ],
            },
        ),
    ),
    case(
        "a plugin is told of no verification",
        told(
            '{"cluster": {"config": null, "insecure-skip-tls-verify": true, '
            '"server": "HTTPS://"}, "interactive": false}'
        ),
        config(TOLD, cluster={"insecure-skip-tls-verify": True}, trust={}),
    ),
    case(
        "a plugin is told of the proxy",
        Seen(
            authorization=told(
                '{"cluster": {"certificate-authority-data": "CA_DATA", "config": null, '
                '"proxy-url": "HTTP://", "server": "HTTPS://"}, "interactive": false}'
            ).authorization,
            via="CONNECT 127.0.0.1:PORT",
        ),
        config(TOLD, cluster={"proxy-url": "HTTP://"}),
    ),
    case(
        "a certificate from a plugin",
        Seen(certificate="client of the tests"),
        config(plugin(PAIR)),
    ),
    case(
        "a plugin as somebody else",
        Seen(authorization="Bearer t", impersonated=(("impersonate-user", "jane"),)),
        config({**plugin(), "as": "jane"}),
    ),
    case("a plugin by a path", TOKEN, config(plugin(command="./plugin", args=None))),
    case(
        "a token beside a plugin",
        Seen(authorization="Bearer mine"),
        config({**shell("exit 1"), "token": "mine"}),
    ),
    case(
        "a certificate beside a plugin",
        Seen(certificate="client of the tests"),
        config(
            {
                **shell("exit 1"),
                "client-certificate": "client.pem",
                "client-key": "client.pem",
            }
        ),
    ),
    case(
        "plain HTTP runs no plugin",
        Seen(is_secure=False),
        config(shell("exit 1"), server="HTTP://", trust={}),
    ),
    case(
        "a token that is over",
        TOKEN,
        config(plugin('{"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}')),
    ),
    refused("a plugin without a mode", ".interactiveMode", plugin(interactiveMode="")),
    refused(
        "a plugin that asks a person",
        ".interactiveMode",
        plugin(interactiveMode="Always"),
    ),
    refused(
        "a plugin of an unknown mode",
        ".interactiveMode",
        plugin(interactiveMode="Perhaps"),
    ),
    refused(
        "a plugin of a retired version",
        ".apiVersion",
        plugin(apiVersion="client.authentication.k8s.io/v1alpha1"),
    ),
    refused("a plugin without a version", ".apiVersion", plugin(apiVersion="")),
    refused("a plugin without a program", ".command", plugin(command="")),
    refused("a variable without a name", ".env", plugin(env=[{"value": "x"}])),
    refused("a program that is missing", ": no-such", plugin(command="no-such")),
    refused("a program that fails", ": sh", shell("echo no; exit 3")),
    refused("a program that prints nothing", ": sh", shell("exit 0")),
    refused("another version printed", "", plugin('{"token": "t"}', V1BETA1)),
    refused("another kind printed", "", plugin('{"token": "t"}', V1, "Secret")),
    refused("no credential printed", "", plugin("{}")),
    refused("half a certificate printed", "", plugin(PAIR.replace("Key", "Ke"))),
    refused(
        "half a certificate printed beside a token",
        "",
        plugin('{"token": "t", "clientKeyData": "k"}'),
    ),
    refused("a token of two lines printed", "", plugin('{"token": "a\\nb"}')),
    refused(
        "a time without a zone printed",
        "",
        plugin('{"token": "t", "expirationTimestamp": "2030-01-01T00:00:00"}'),
    ),
]
