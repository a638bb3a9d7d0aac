"""Turn an exception into an answer.

In: what was raised. Out: status, headers and body, in the spec's style. The caller's mistake is answered
with its words; our own fault is logged with its traceback and answered without it.
Source: RFC 9457 (problem details).
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException

from ekiben.core.errors import EkibenError, InvalidInput

log = logging.getLogger("ekiben")

PROBLEM = "application/problem+json"
HIDDEN = "an error occurred in the service; its log says which"


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says what went wrong."""

    status: int
    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def plan(style: str) -> Callable[[BaseException, str], Failure]:
    """Choose the form of errors for a spec's style."""
    render = bentoml_body if style == "bentoml" else problem_body

    def fail(error: BaseException, request_id: str) -> Failure:
        if isinstance(error, HTTPException):  # what FastAPI's and Starlette's users raise
            status, words, told = error.status_code, str(error.detail), True
        else:
            status, words = error.status if isinstance(error, EkibenError) else 500, str(error)
            told = isinstance(error, EkibenError) and (status < 500 or status in (503, 504))
        if not told:
            log.error("request %s failed: %s", request_id, error, exc_info=error)
        retry = getattr(error, "retry_after", None)
        headers = {} if retry is None else {"retry-after": str(max(1, math.ceil(retry)))}
        challenge = getattr(error, "challenge", None)
        if challenge is not None:
            headers["www-authenticate"] = challenge
        body, media_type = render(error, status, words if told else HIDDEN)
        return Failure(status, body, media_type, headers)

    return fail


def problem_body(error: BaseException, status: int, text: str) -> tuple[bytes, str]:
    """Write problem details, with the extra member `error`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": text,
        "error": text,
    }
    if isinstance(error, InvalidInput) and error.problems:
        body["errors"] = [{"path": problem.path, "message": problem.message} for problem in error.problems]
    if isinstance(error, EkibenError) and error.hint and status < 500:
        body["hint"] = error.hint
    return orjson.dumps(body), PROBLEM


def bentoml_body(error: BaseException, status: int, text: str) -> tuple[bytes, str]:
    """Write the one-member object that BentoML's clients read."""
    body: dict[str, Any] = {"error": text}
    if isinstance(error, InvalidInput) and error.problems:
        body["detail"] = [{"loc": [problem.path], "msg": problem.message} for problem in error.problems]
    return orjson.dumps(body), "application/json"


def phrase(status: int) -> str:
    """Name a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
