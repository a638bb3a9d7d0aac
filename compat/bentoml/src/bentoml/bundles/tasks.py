"""What travels between a request and an inference API: tasks, results, requests, files.

In: a request, from wherever it came. Out: an `InferenceTask`, which the user's function may discard, and an
`InferenceResult` for each. Public as `bentoml.types`.
"""

import base64
import io
import json
from collections import UserDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http import form
from ekiben.schema.content import FORM, URLENCODED, Upload, essence
from ekiben.schema.wire.text import charset_of

JsonSerializable = Any
AwsLambdaEvent = dict[str, Any]


class HTTPHeaders(UserDict[str, str]):
    """Headers of a request or an answer; case of their names does not matter."""

    def __init__(self, given: "Mapping[str, str] | Iterable[tuple[str, str]]" = ()) -> None:
        super().__init__()
        for name, value in given.items() if isinstance(given, Mapping) else given:
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name.lower())

    @property
    def content_type(self) -> str:
        """The media type, without parameters; empty where there is none."""
        return essence(self.get("content-type", ""))

    @property
    def charset(self) -> str | None:
        """The charset that the content type names."""
        return charset_of(self.get("content-type", "")) or None

    @property
    def content_encoding(self) -> str | None:
        """How the body is compressed."""
        return self.get("content-encoding")


class FileLike(io.BytesIO):
    """A file that came with a request, open for reading.

    Args:
        content: its bytes.
        name: as its sender called it; a base name, which names nothing here.
        content_type: as its sender declared it.
    """

    def __init__(self, content: bytes = b"", name: str = "", content_type: str = "") -> None:
        super().__init__(content)
        self.name = name
        self.content_type = content_type

    @property
    def bytes_(self) -> bytes:
        """The whole content."""
        return self.getvalue()

    @property
    def stream(self) -> "FileLike":
        """The file itself, as older code asks for it."""
        return self


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """A request as it came, its body whole."""

    headers: HTTPHeaders = field(default_factory=HTTPHeaders)
    body: bytes = b""
    method: str = "POST"
    query: str = ""
    scope: Context | None = field(default=None, repr=False, compare=False)  # the call that it belongs to

    @property
    def parsed_headers(self) -> HTTPHeaders:
        """The headers, as older code asks for them."""
        return self.headers

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.content_type

    def parse_json(self) -> Any:
        """Read the body as JSON; raises ValueError."""
        return json.loads(self.body)

    def parse_form_data(self) -> tuple[None, dict[str, str], dict[str, FileLike]]:
        """Read the body as a form.

        Returns:
            Nothing, the fields that are text, and the files, by name.

        Raises:
            InvalidInput: it is no form, or damaged.
        """
        fields: Any = ()
        declared = self.headers.get("content-type", "").encode("latin-1")
        if self.content_type == FORM:
            fields = form.read_whole(self.body, declared, Limits(), self.scope or Context())
        elif self.content_type == URLENCODED:
            fields = form.read_urlencoded(self.body, Limits())
        texts = {name: value for name, value in fields if isinstance(value, str)}
        return None, texts, {name: file_of(value) for name, value in fields if isinstance(value, Upload)}


@dataclass(slots=True)
class InferenceResult:
    """What becomes of one task: a body, a status, headers."""

    version: int = 0
    data: Any = None  # text and bytes are sent as they are, anything else as JSON
    err_msg: str = ""
    task_id: str | None = None
    http_status: int = 200
    http_headers: Mapping[str, str] = field(default_factory=HTTPHeaders)
    aws_lambda_event: dict[str, Any] | None = None
    cli_status: int | None = 0

    @property
    def text(self) -> Any:
        """What its caller is sent: the data, or what went wrong."""
        return self.err_msg if self.data is None and self.err_msg else self.data


@dataclass(slots=True)
class InferenceError(InferenceResult):
    """The result of a task that failed."""

    http_status: int = 500
    cli_status: int | None = 1


@dataclass(slots=True, eq=False)
class InferenceTask:
    """One input of an inference API, and where it came from.

    Tasks are compared by identity: two may hold the same data.
    """

    version: int = 0
    data: Any = None
    error: InferenceResult | None = None
    task_id: str = field(default_factory=lambda: uuid4().hex)
    is_discarded: bool = False
    batch: int | None = None  # items in it; None: it is one
    http_method: str | None = None
    http_headers: HTTPHeaders = field(default_factory=HTTPHeaders)
    aws_lambda_event: AwsLambdaEvent | None = None
    cli_args: Sequence[str] | None = None
    inference_job_args: Mapping[str, Any] | None = None

    def discard(
        self,
        err_msg: str = "",
        http_status: int = 400,
        http_headers: Mapping[str, str] | None = None,
        cli_status: int = 1,
        aws_lambda_event: dict[str, Any] | None = None,
    ) -> None:
        """Answer this task with an error; those beside it in the batch go on.

        Args:
            err_msg: what its caller is told.
            http_status: of the answer.
            http_headers: of the answer.
            cli_status: exit code of `bentoml run`.
            aws_lambda_event: the answer to a Lambda event, where it is to differ.
        """
        self.is_discarded = True
        self.error = InferenceError(
            err_msg=err_msg,
            task_id=self.task_id,
            http_status=http_status,
            http_headers=HTTPHeaders(http_headers or {}),
            cli_status=cli_status,
            aws_lambda_event=aws_lambda_event,
        )


def file_of(upload: Upload) -> FileLike:
    """Open an upload."""
    return FileLike(upload.read(), upload.filename, upload.media_type)


def event_request(event: Mapping[str, Any]) -> HTTPRequest:
    """Give the request that an event of AWS API Gateway stands for; raises InvalidInput."""
    body = event.get("body") or ""
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else str(body).encode()
    except ValueError as error:
        raise InvalidInput("the `body` of the event must be base64, as it says of itself") from error
    headers = HTTPHeaders({str(name): str(value) for name, value in (event.get("headers") or {}).items()})
    return HTTPRequest(headers, content, str(event.get("httpMethod") or "POST"))
