"""Who the user is: tokens, passwords, certificates, and what is none of them."""

import base64
import json

from tests.kubeconfig_matrix.case import NOTHING, TOKEN, Refused, Seen, case, config

FROM_FILE = Seen(authorization="Bearer from-file")
NOBODY = Seen()
CERTIFICATE = Seen(certificate="client of the tests")
ASKS = "kubectl asks the terminal for a name; controllers go on without one"
BY_NAME = "a way to log in that is not known is refused by name, never skipped"
FILES = {"client-certificate": "client.pem", "client-key": "client.pem"}
DATA = {"client-certificate-data": "CLIENT_DATA", "client-key-data": "CLIENT_DATA"}


def _jwt() -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 4102444800}).encode())
    return f"e30.{claims.decode().rstrip('=')}.c2ln"


OIDC = {
    "idp-issuer-url": "https://issuer.invalid",
    "client-id": "me",
    "id-token": _jwt(),
}

CASES = [
    case("a token", TOKEN),
    case("a token in a file", FROM_FILE, config({"tokenFile": "token"})),
    case("an absolute path", FROM_FILE, config({"tokenFile": "FOLDER/token"})),
    case(
        "a token file beside a token",
        FROM_FILE,
        config({"token": "t", "tokenFile": "token"}),
    ),
    case(
        "a missing token file beside a token",
        TOKEN,
        config({"token": "t", "tokenFile": "missing"}),
    ),
    case(
        "an empty token file beside a token",
        TOKEN,
        config({"token": "t", "tokenFile": "empty"}),
    ),
    case(
        "a missing token file",
        Refused(key="users[u].tokenFile"),
        config({"tokenFile": "missing"}),
    ),
    case(
        "a token of two lines",
        Refused(key="users[u].token"),
        config({"token": "two\nlines"}),
    ),
    case("a token with a line break", Refused(key="token"), config({"token": "t\n"})),
    case("a token that is a number", Refused(key="$.token"), config({"token": 12})),
    case(
        "name and password",
        Seen(authorization="Basic dTpw"),
        config({"username": "u", "password": "p"}),
    ),
    case(
        "name without password",
        Seen(authorization="Basic dTo="),
        config({"username": "u"}),
    ),
    case(
        "password without name",
        Refused(key="users[u].password"),
        config({"password": "p"}),
    ),
    case(
        "password and token",
        Refused(key="users[u].username"),
        config({"username": "u", "password": "p", "token": "t"}),
    ),
    case(
        "password and token file",
        Refused(key="users[u].username"),
        config({"username": "u", "password": "p", "tokenFile": "token"}),
    ),
    case("nobody", NOBODY, config({}), theirs=NOTHING, why=ASKS),
    case(
        "a context without a user",
        NOBODY,
        config(contexts=[{"name": "here", "context": {"cluster": "c"}}]),
        theirs=NOTHING,
        why=ASKS,
    ),
    case("a certificate in files", CERTIFICATE, config(FILES)),
    case("a certificate inline", CERTIFICATE, config(DATA)),
    case(
        "a certificate and a token",
        Seen(certificate="client of the tests", authorization="Bearer t"),
        config({**FILES, "token": "t"}),
    ),
    case(
        "a certificate twice",
        Refused(key="users[u].client-certificate"),
        config({**FILES, **DATA}),
    ),
    case(
        "a certificate without a key",
        Refused(key="users[u].client-key"),
        config({"client-certificate": "client.pem"}),
    ),
    case(
        "a key without a certificate",
        Refused(key="users[u].client-certificate"),
        config({"client-key": "client.pem"}),
    ),
    case(
        "a key without a certificate beside a token",
        Refused(key="users[u].client-certificate"),
        config({"client-key": "client.pem", "token": "t"}),
        theirs=TOKEN,
        why="half of a login is none: client-go leaves the key out without a word",
    ),
    case(
        "a certificate that is missing",
        Refused(key="users[u].client-certificate"),
        config({"client-certificate": "missing", "client-key": "client.pem"}),
    ),
    case(
        "a certificate that is none",
        Refused(key="users[u].client-certificate"),
        config({"client-certificate": "garbage.pem", "client-key": "client.pem"}),
    ),
    case(
        "a certificate that is no base64",
        Refused(key="users[u].client-certificate-data"),
        config({**DATA, "client-certificate-data": "?"}),
    ),
    case("plain HTTP gets no token", Seen(is_secure=False), config(server="HTTP://")),
    case(
        "plain HTTP gets no password",
        Seen(is_secure=False),
        config({"username": "u", "password": "p"}, server="HTTP://", trust={}),
    ),
    case(
        "an unknown key",
        Refused(key="users[u].bearer-token"),
        config({"bearer-token": "t"}),
    ),
    case(
        "an unknown key beside a token",
        Refused(key="users[u].token-file"),
        config({"token": "t", "token-file": "x"}),
        theirs=TOKEN,
        why=BY_NAME,
    ),
    case(
        "a key in another case",
        Refused(key="users[u].Token"),
        config({"Token": "t"}),
    ),
    case("a key that says nothing", TOKEN, config({"token": "t", "other": None})),
    case(
        "a provider that is gone",
        Refused(key="users[u].auth-provider: expected another way to log in"),
        config({"auth-provider": {"name": "gcp"}}),
    ),
    case(
        "a provider that never was",
        Refused(key="users[u].auth-provider: expected another way to log in"),
        config({"auth-provider": {"name": "mine"}}),
    ),
    case(
        "a provider beside a token",
        Refused(key="users[u].auth-provider: expected another way to log in"),
        config({"token": "t", "auth-provider": {"name": "azure"}}),
    ),
    case(
        "the OIDC provider",
        Refused(key="users[u].auth-provider: expected another way to log in"),
        config({"auth-provider": {"name": "oidc", "config": OIDC}}),
        theirs=Seen(authorization=f"Bearer {_jwt()}"),
        why="its token ends within the hour, and renewing it would write to the file",
    ),
]
