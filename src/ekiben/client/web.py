"""Load httpx when the first client is made, and turn its errors into ours.

In: nothing; or what happens on the way to a server. Out: the library; `Unavailable`, `DeadlineExceeded` with the
server's address. httpx takes longer to import than all of the server's own code, and few servers have a client in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ekiben.core.errors import ConfigError, DeadlineExceeded, Unavailable
from ekiben.core.optional import need


def library() -> ModuleType:
    """Give httpx."""
    return need("httpx", "a client")


@contextmanager
def translated(url: str, timeout: float | None) -> Iterator[None]:
    """Run a block that talks to the server at *url*, *timeout* s for an answer.

    What httpx and the system said stands in our words, so that a script shows one error and not all three.
    """
    httpx = library()
    shown = "any" if timeout is None else f"{round(timeout, 3):g}"
    try:
        yield
    except httpx.ConnectTimeout:
        raise unreachable(url, f"no connection within {shown} seconds") from None
    except httpx.TimeoutException:
        raise DeadlineExceeded(
            f"{url} did not answer within {shown} seconds", hint="give the client a longer `timeout`"
        ) from None
    except httpx.ConnectError as error:
        raise unreachable(url, str(error)) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise ConfigError(f"`url` must be the address of a server: {url!r}") from None
    except httpx.RequestError as error:
        raise Unavailable(f"the connection to {url} broke off: {str(error) or type(error).__name__}") from None


def unreachable(url: str, why: str) -> Unavailable:
    """Make the error for a server that is not there."""
    return Unavailable(f"cannot reach {url}: {why}", hint="is the server running, and is this its address?")
