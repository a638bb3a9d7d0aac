"""BentoML's names for Ekiben's errors.

`BentoMLException` is the root of Ekiben's tree, so `except BentoMLException` catches whatever Ekiben raises on purpose.
A class of yours says its status by `error_code`, as BentoML's do.
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
    "APIDeprecated",
    "AlreadyExists",
    "BadInput",
    "BentoMLConfigException",
    "BentoMLException",
    "CLIException",
    "CloudRESTApiClientError",
    "CorruptArchive",
    "ImportServiceError",
    "InternalServerError",
    "InvalidArgument",
    "MissingDependencyException",
    "NotFound",
    "RemoteException",
    "ServerStateException",
    "ServiceUnavailable",
    "StateException",
    "UnprocessableEntity",
    "UnsafeArchive",
    "UnservableException",
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


class APIDeprecated(EkibenError):
    """Something is not to be used any more; here only what users raise themselves."""


class CloudRESTApiClientError(EkibenError):
    """A cloud answered with an error; here only what users raise themselves."""


class UnservableException(ConfigError):
    """A model cannot be served; here only what users raise themselves."""


class ServerStateException(EkibenError):
    """A server is not in the state that something needs."""
