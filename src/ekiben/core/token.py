"""Hold a token to its form, and know it again without keeping it.

In: a token. Out: its digest, which is all that is kept; no error shows a token.
Source: RFC 6750, 2.1 (what a bearer can carry).
"""

import hashlib
import re

from ekiben.core.errors import ConfigError

LEAST = 16  # letters of a token
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1
MAKE = 'make one by: python -c "import secrets; print(secrets.token_urlsafe(32))"'


def digest(token: str, where: str) -> bytes:
    """Give the digest of a token; *where* names it in an error.

    Raises:
        ConfigError: it is too short, or no bearer could carry it.
    """
    if len(token) < LEAST or not TOKEN.fullmatch(token):
        raise ConfigError(
            f"{where} must hold a token of {LEAST} or more letters, digits and `-._~+/`: it has {len(token)}", hint=MAKE
        )
    return hashlib.sha256(token.encode()).digest()


def bearer(token: str) -> str:
    """Give the value of the header `Authorization`; raises ConfigError for no token."""
    if not TOKEN.fullmatch(token):
        raise ConfigError("`token` must be letters, digits and `-._~+/`, with no blank around it", hint="read it anew")
    return f"Bearer {token}"
