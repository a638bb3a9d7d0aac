"""BentoML's names for Ekiben's errors.

`BentoMLException` is the root of Ekiben's tree, so `except BentoMLException` catches whatever Ekiben raises on purpose.
"""

from ekiben.exceptions import (
    AlreadyExists,
    ConfigError,
    CorruptArchive,
    EkibenError,
    InvalidInput,
    MissingLibrary,
    NotFound,
    ServerError,
    ServiceLoadError,
    Unavailable,
    Unprocessable,
    UnsafeArchive,
)

__all__ = [
    "AlreadyExists",
    "BadInput",
    "BentoMLConfigException",
    "BentoMLException",
    "CLIException",
    "CorruptArchive",
    "ImportServiceError",
    "InternalServerError",
    "InvalidArgument",
    "MissingDependencyException",
    "NotFound",
    "RemoteException",
    "ServiceUnavailable",
    "StateException",
    "UnprocessableEntity",
    "UnsafeArchive",
]

BentoMLException = EkibenError
BadInput = InvalidInput
InvalidArgument = InvalidInput
UnprocessableEntity = Unprocessable
ServiceUnavailable = Unavailable
RemoteException = ServerError
BentoMLConfigException = ConfigError
MissingDependencyException = MissingLibrary
ImportServiceError = ServiceLoadError
CLIException = ConfigError


class StateException(InvalidInput):
    """What is asked for cannot be done in the present state."""


class InternalServerError(EkibenError):
    """The service itself is at fault."""
