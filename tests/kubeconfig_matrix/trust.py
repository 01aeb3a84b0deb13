"""Whom the client trusts."""

from tests.kubeconfig_matrix.case import (
    TOKEN,
    Refused,
    Seen,
    Unreachable,
    case,
    config,
)

LINES = {"certificate-authority-data": "CA_LINES"}


def trusting(**cluster) -> str:
    """A kubeconfig that trusts nothing but what is said here."""
    keys = {key.replace("_", "-"): value for key, value in cluster.items()}
    return config(cluster=keys, trust={})


CASES = [
    case("an authority in a file", TOKEN, trusting(certificate_authority="ca.pem")),
    case(
        "an authority by its whole path",
        TOKEN,
        trusting(certificate_authority="FOLDER/ca.pem"),
    ),
    case(
        "an authority between comments",
        TOKEN,
        trusting(certificate_authority="comments.pem"),
    ),
    case("an authority inline", TOKEN, trusting(certificate_authority_data="CA_DATA")),
    case(
        "an authority inline with line breaks",
        TOKEN,
        trusting(certificate_authority_data="CA_DATA\n"),
    ),
    case(
        "an authority twice",
        Refused(key="clusters[c].certificate-authority"),
        trusting(certificate_authority="ca.pem", certificate_authority_data="CA_DATA"),
    ),
    case(
        "an authority that is missing",
        Refused(key="clusters[c].certificate-authority"),
        trusting(certificate_authority="missing"),
    ),
    case(
        "an authority that is none",
        Refused(key="clusters[c].certificate-authority"),
        trusting(certificate_authority="garbage.pem"),
    ),
    case(
        "an authority that is empty",
        Refused(key="clusters[c].certificate-authority"),
        trusting(certificate_authority="empty"),
    ),
    case(
        "an authority that is no base64",
        Refused(key="clusters[c].certificate-authority-data"),
        trusting(certificate_authority_data="?"),
    ),
    case("the system's authorities", Unreachable(phase="tls"), trusting()),
    case(
        "the system's authorities know it",
        TOKEN,
        trusting(),
        environ={"SSL_CERT_FILE": "FOLDER/ca.pem"},
    ),
    case("no verification", TOKEN, trusting(insecure_skip_tls_verify=True)),
    case(
        "no verification, but an authority",
        Refused(key="clusters[c].insecure-skip-tls-verify"),
        trusting(insecure_skip_tls_verify=True, certificate_authority="ca.pem"),
    ),
    case(
        "no verification that is no boolean",
        Refused(key="insecure-skip-tls-verify"),
        trusting(insecure_skip_tls_verify="true"),
    ),
    case(
        "another name",
        Seen(authorization="Bearer t", server_name="elsewhere.invalid"),
        trusting(certificate_authority="ca.pem", tls_server_name="elsewhere.invalid"),
    ),
    case(
        "a name that it does not have",
        Unreachable(phase="tls"),
        trusting(certificate_authority="ca.pem", tls_server_name="other.invalid"),
    ),
    case(
        "no name",
        TOKEN,
        trusting(certificate_authority="ca.pem", tls_server_name=""),
    ),
    case(
        "no compression",
        TOKEN,
        trusting(certificate_authority="ca.pem", disable_compression=True),
    ),
    case(
        "an unknown key of a cluster",
        TOKEN,
        trusting(certificate_authority="ca.pem", api_version="v1"),
    ),
]
