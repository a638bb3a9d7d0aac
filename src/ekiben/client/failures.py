"""Turn what happens on the way to a server into errors of ours.

In: exceptions of httpx. Out: `Unavailable`, `DeadlineExceeded`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ekiben.core.errors import ConfigError, DeadlineExceeded, Unavailable


@contextmanager
def translated(url: str, timeout: float) -> Iterator[None]:
    """Run a block that talks to the server at *url*, *timeout* s for an answer."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise unreachable(url, f"no connection within {timeout:g} seconds") from error
    except httpx.TimeoutException as error:
        raise DeadlineExceeded(
            f"{url} did not answer within {timeout:g} seconds", hint="give the client a longer `timeout`"
        ) from error
    except httpx.ConnectError as error:
        raise unreachable(url, str(error)) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"`url` must be the address of a server: {url!r}") from error
    except httpx.RequestError as error:
        raise Unavailable(f"the connection to {url} broke off: {str(error) or type(error).__name__}") from error


def unreachable(url: str, why: str) -> Unavailable:
    """Make the error for a server that is not there."""
    return Unavailable(f"cannot reach {url}: {why}", hint="is the server running, and is this its address?")
