"""Read how long a caller is ready to wait.

In: the headers of a request. Out: a deadline for its call, which can only shorten that of the endpoint.
Source: HTTP itself has no such field. The form is that of `Connect-Timeout-Ms` in the Connect protocol: a whole
number of milliseconds, in at most 10 digits; gRPC's `grpc-timeout` means the same.
"""

import time

from ekiben.core.errors import InvalidInput

FIELD = b"x-request-timeout-ms"


def read(headers: dict[bytes, bytes]) -> float | None:
    """Give the caller's deadline, of time.monotonic; None where it set none.

    Raises:
        InvalidInput: the field is no whole number of milliseconds above 0.
    """
    value = headers.get(FIELD)
    if value is None:
        return None
    if not (value.isdigit() and len(value) <= 10 and int(value)):
        shown = value[:40].decode("latin-1")
        raise InvalidInput(f"`{FIELD.decode()}` must be a whole number of milliseconds above 0: {shown!r}")
    return time.monotonic() + int(value) / 1000
