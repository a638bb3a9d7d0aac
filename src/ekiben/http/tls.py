"""Read what a server needs for TLS.

In: the options of a service or a command line. Out: uvicorn's names for them; words for files that cannot be used.
"""

import ssl
from typing import Any

import uvicorn

from ekiben.core.errors import ConfigError
from ekiben.core.spec import TlsSpec


def tls_options(tls: TlsSpec | None) -> dict[str, Any]:
    """Give uvicorn's names for the options of TLS."""
    if tls is None:
        return {}
    options: dict[str, Any] = {
        "ssl_certfile": tls.certfile,
        "ssl_keyfile": tls.keyfile,
        "ssl_keyfile_password": tls.keyfile_password,
        "ssl_ca_certs": tls.ca_certs,
    }
    if tls.cert_reqs is not None:
        options["ssl_cert_reqs"] = tls.cert_reqs
    if tls.ciphers is not None:
        options["ssl_ciphers"] = tls.ciphers
    return options


def load(config: uvicorn.Config) -> None:
    """Let uvicorn read its files; raises ConfigError for one that cannot be used."""
    try:
        config.load()
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        key = f", key {config.ssl_keyfile}" if config.ssl_keyfile else ""
        raise ConfigError(
            f"the TLS files cannot be used: {reason}: certificate {config.ssl_certfile}{key}",
            hint="give PEM files that belong together by --ssl-certfile and --ssl-keyfile",
        ) from error
