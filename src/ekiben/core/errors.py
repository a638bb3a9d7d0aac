"""Name everything that can go wrong, once, with the HTTP status that it means.

In: the words for the person who has to act. Out: one tree of exceptions.

    EkibenError                    500
    ├── ConfigError                500  an option, a type hint or a setting is wrong
    │   ├── MissingLibrary         500  an optional library is not installed
    │   └── ServiceLoadError       500  a target cannot be turned into a service
    ├── InvalidInput               400  a caller's value is wrong; carries every place
    │   ├── NotAuthenticated       401
    │   ├── Forbidden              403
    │   ├── MethodNotAllowed       405
    │   ├── RequestTimeout         408  a request came too slowly
    │   ├── BodyTooLarge           413
    │   ├── UnsupportedMediaType   415
    │   ├── Unprocessable          422
    │   └── HeadersTooLarge        431
    ├── NotFound                   404  a tag, a route, a file
    ├── AlreadyExists              409  a tag that would be overwritten
    ├── WrongState                 409  not now: a task has not finished, or has already
    ├── TooManyRequests            429  a limit of the service is reached
    ├── Unavailable                503  not ready, draining
    │   └── Overloaded             503  more calls wait than can be answered in time
    ├── BadGateway                 502  the command behind the service does not answer
    ├── DeadlineExceeded           504
    ├── StoreError                 500  the store cannot be read or written
    │   ├── CorruptItem            500  what is stored is not what was saved
    │   └── ArchiveError           500
    │       ├── CorruptArchive     500  damaged, cut short, or not an archive
    │       └── UnsafeArchive      500  it would write outside its folder, or too much
    └── ServerError                500  a server answered with an error (clients)
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong place in a value: where it is, and what is wrong there."""

    path: str  # `x[3][1]`, or "" for the whole value
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class EkibenError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what is wrong, naming the field as the user writes it.
        hint: one thing to do about it.
        error_code: the HTTP status, in place of that of the class.

    A class of one's own says its status as `status`, or as `error_code`, its older name.
    """

    status: int = 500

    def __init_subclass__(cls) -> None:
        code = vars(cls).get("error_code")
        if isinstance(code, int):
            cls.status = int(code)

    def __init__(self, message: str = "", *, hint: str | None = None, error_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if error_code is not None:
            self.status = int(error_code)
        if hint:
            self.add_note(f"hint: {hint}")  # so that a traceback shows it

    def __str__(self) -> str:
        return self.message


class ConfigError(EkibenError):
    """An option, a type hint or a setting is wrong."""


class MissingLibrary(ConfigError):
    """An optional library is needed and not installed."""


class ServiceLoadError(ConfigError):
    """A target cannot be turned into a service."""


class InvalidInput(EkibenError):
    """A caller's value is wrong.

    Args:
        message: the summary; made from *problems* where it is empty.
        problems: every wrong place.
        hint: one thing to do about it.
    """

    status = 400

    def __init__(self, message: str = "", *, problems: Sequence[Problem] = (), hint: str | None = None) -> None:
        super().__init__(message or "; ".join(str(problem) for problem in problems), hint=hint)
        self.problems = tuple(problems)


class NotAuthenticated(InvalidInput):
    """A token is missing or wrong; *challenge* says how to bear one (RFC 9110, 11.6)."""

    status = 401

    def __init__(
        self,
        message: str = "",
        *,
        problems: Sequence[Problem] = (),
        hint: str | None = None,
        challenge: str | None = "Bearer",
    ) -> None:
        super().__init__(message, problems=problems, hint=hint)
        self.challenge = challenge


class Forbidden(InvalidInput):
    """The caller is known and may not do this; *challenge* says what it would need."""

    status = 403

    def __init__(
        self,
        message: str = "",
        *,
        problems: Sequence[Problem] = (),
        hint: str | None = None,
        challenge: str | None = None,
    ) -> None:
        super().__init__(message, problems=problems, hint=hint)
        self.challenge = challenge


class MethodNotAllowed(InvalidInput):
    """The path is known, the method is not."""

    status = 405


class RequestTimeout(InvalidInput):
    """A request did not come in time."""

    status = 408


class BodyTooLarge(InvalidInput):
    """A body, a part of it, or what it unpacks to is over the limit."""

    status = 413


class UnsupportedMediaType(InvalidInput):
    """The content type is not one that this endpoint reads."""

    status = 415


class Unprocessable(InvalidInput):
    """The value is well-formed and cannot be worked on."""

    status = 422


class HeadersTooLarge(InvalidInput):
    """Too many headers, or too long."""

    status = 431


class NotFound(EkibenError):
    """There is nothing by this name."""

    status = 404


class AlreadyExists(EkibenError):
    """There is something by this name already, and it is not overwritten."""

    status = 409


class WrongState(EkibenError):
    """What was asked cannot be done in the state that its object is in."""

    status = 409


class TooManyRequests(EkibenError):
    """A limit of the service is reached; *retry_after* is in seconds."""

    status = 429

    def __init__(self, message: str = "", *, retry_after: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Unavailable(EkibenError):
    """The service cannot answer now; *retry_after* is in seconds."""

    status = 503

    def __init__(self, message: str = "", *, retry_after: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """More calls wait than can be answered in time; *retry_after* is in seconds."""


class BadGateway(EkibenError):
    """The command behind the service did not answer, or not as HTTP says."""

    status = 502


class DeadlineExceeded(EkibenError):
    """The answer did not come in time."""

    status = 504


class StoreError(EkibenError):
    """The store cannot be read or written."""


class CorruptItem(StoreError):
    """What is stored is damaged; *problems* names each wrong file."""

    def __init__(self, message: str = "", *, problems: Sequence[Problem] = (), hint: str | None = None) -> None:
        told = f"{message}: {'; '.join(str(problem) for problem in problems)}" if problems else message
        super().__init__(told, hint=hint)
        self.problems = tuple(problems)


class ArchiveError(StoreError):
    """An archive cannot be used."""


class CorruptArchive(ArchiveError):
    """An archive is damaged, cut short, or not an archive at all."""


class UnsafeArchive(ArchiveError):
    """An archive would write outside its folder, or more than is allowed."""


class ServerError(EkibenError):
    """A server answered with an error; *answered* is its HTTP status."""

    def __init__(self, message: str = "", *, answered: int = 500, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.answered = answered
