"""Turn an exception into an answer.

In: what was raised. Out: status, headers and body, in the spec's style. The caller's mistake is answered
with its words; our own fault is logged with its traceback and answered without it.
Source: RFC 9457 (problem details).
"""

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException

from ekiben.core.errors import BadGateway, EkibenError, InvalidInput
from ekiben.core.spec import ERROR_MEDIA, Style

log = logging.getLogger("ekiben")

STEP = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")  # longer numbers are parts of names, which clients make up
HIDDEN = "an error occurred in the service; its log says which"


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says what went wrong."""

    status: int
    body: bytes
    media_type: str
    words: str
    headers: dict[str, str] = field(default_factory=dict)


def plan(style: Style = Style()) -> Callable[[BaseException, str], Failure]:
    """Choose the form of errors for a spec's style."""
    render, media_type = BODIES[style.error_style], ERROR_MEDIA[style.error_style]

    def fail(error: BaseException, request_id: str) -> Failure:
        if isinstance(error, HTTPException):  # what FastAPI's and Starlette's users raise
            status, words, told = error.status_code, str(error.detail), True
        else:
            status, words = status_of(error, style), str(error)
            told = isinstance(error, EkibenError) and (
                status < 500 or status in (503, 504) or isinstance(error, BadGateway)
            )
        if not told:
            log.error("request %s failed: %s", request_id, error, exc_info=error)
        retry = getattr(error, "retry_after", None)
        headers = {} if retry is None else {"retry-after": str(max(1, math.ceil(retry)))}
        challenge = getattr(error, "challenge", None)
        if challenge is not None:
            headers["www-authenticate"] = challenge
        words = words if told else HIDDEN
        before = style.error_prefix if told and status < 500 else ""
        return Failure(status, render(error, status, before + words), media_type, words, headers)

    return fail


def status_of(error: BaseException, style: Style) -> int:
    """Give the status of an error.

    What was set of it alone counts more than its class.
    """
    if not isinstance(error, EkibenError):
        return 500
    return style.status_of(type(error)) if error.status == type(error).status else error.status


def problem_body(error: BaseException, status: int, text: str) -> bytes:
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
    return orjson.dumps(body)


def object_body(error: BaseException, status: int, text: str) -> bytes:
    """Write an object whose member `error` is the text.

    `detail` has every wrong place, as pydantic lists them.
    """
    body: dict[str, Any] = {"error": text}
    if isinstance(error, InvalidInput) and error.problems:
        body["detail"] = [{"loc": steps(problem.path), "msg": problem.message} for problem in error.problems]
    return orjson.dumps(body)


def string_body(error: BaseException, status: int, text: str) -> bytes:
    """Write the text, as JSON."""
    return orjson.dumps(text)


def text_body(error: BaseException, status: int, text: str) -> bytes:
    """Write the text."""
    return text.encode(errors="replace")


BODIES: Mapping[str, Callable[[BaseException, int, str], bytes]] = {
    "problem": problem_body,
    "object": object_body,
    "string": string_body,
    "text": text_body,
}


def steps(path: str) -> list[str | int]:
    """Take a place apart: `rows[3].name` is rows, 3 and name."""
    found = STEP.findall(path)
    return [int(index) if index else name for name, index in found]


def phrase(status: int) -> str:
    """Name a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
