"""Call the functions of a `BentoService` as its inference APIs say.

In: a service with its artifacts, and its APIs. Out: an object with a method for each endpoint, which takes what the
engine gives (one input, a list of several, or their rows joined) and gives what codecs write.
A function that takes `tasks`, and an adapter of the user's own, see whole requests; all others see values only.
"""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from bentoml.bundles import inputs, outputs
from bentoml.bundles.answers import AnswerLeaf
from bentoml.bundles.apis import InferenceAPI
from bentoml.bundles.shares import items, share
from bentoml.bundles.tasks import HTTPHeaders, HTTPRequest, InferenceResult, InferenceTask
from ekiben.core.context import Context
from ekiben.http.answer import checked
from ekiben.http.errors import HIDDEN
from ekiben.schema.content import JSON, TEXT, Upload

log = logging.getLogger("ekiben")

FRAMING = ("content-length", "transfer-encoding", "connection")  # the server writes them
CONTEXT = "context"  # the parameter by which a method gets the running call

WRITE = AnswerLeaf().write


class Served:
    """A service's instance, as the engine calls it.

    Args:
        service: the user's, with its artifacts.
        apis: its inference APIs.
        more: other methods, by endpoint.
    """

    def __init__(
        self, service: Any, apis: Sequence[InferenceAPI], more: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self.service = service
        self.apis = {api.name: api.of(service) for api in apis}
        for api in apis:
            setattr(self, attribute(api), method(api.of(service)))
        for name, function in (more or {}).items():
            setattr(self, name, function)


def attribute(api: InferenceAPI) -> str:
    """Name what answers an API, which may itself be named `service`."""
    return f"call_{api.name}"


def sees_requests(api: InferenceAPI) -> bool:
    """Say whether an API has to see whole requests, not only the values in them."""
    return api.tasks is not None or inputs.is_custom(api.input_adapter) or outputs.is_custom(api.output_adapter)


def method(api: InferenceAPI) -> Callable[..., Any]:
    """Make the method of an endpoint."""
    if sees_requests(api):
        return with_requests(api)
    if api.input_adapter.IS_JOINED:
        return with_rows(api)
    return with_list(api) if api.batch else with_one(api)


def with_one(api: InferenceAPI) -> Callable[..., Any]:
    """Give the function one input."""
    function, adapter = api.user_func, api.input_adapter

    def call(value: Any) -> Any:
        return plain(function(*(column[0] for column in adapter.arguments([value]))))

    return call


def with_list(api: InferenceAPI) -> Callable[..., Any]:
    """Give the function a list of the inputs of several calls."""
    function, adapter = api.user_func, api.input_adapter

    def call(values: Sequence[Any]) -> Any:
        return [plain(value) for value in items(function(*adapter.arguments(values)))]

    return call


def with_rows(api: InferenceAPI) -> Callable[..., Any]:
    """Give the function the rows of several calls as one value; without rows it is not called."""
    function, adapter = api.user_func, api.input_adapter

    def call(joined: Any) -> Any:
        return function(*adapter.prepare(joined)) if len(joined) else []

    return call


def with_requests(api: InferenceAPI) -> Callable[..., Any]:
    """Give the function tasks, made of whole requests."""

    def call(given: Sequence[Any], context: Context | None = None) -> list[Any]:
        tasks = [task_of(api, each) for each in given]
        answers: dict[int, Any] = {}
        for group in groups(api, [task for task in tasks if api.input_adapter.validate_task(task)]):
            answers |= {id(task): value for task, value in answered(api, group)}
        return [refusal(task) if task.is_discarded else plain(answers[id(task)]) for task in tasks]

    def call_one(given: Any, context: Context | None = None) -> Any:
        return call([given])[0]

    return call if api.batch else call_one


def task_of(api: InferenceAPI, given: Any) -> InferenceTask:
    """Make a task of a request; one that is a task already stays it."""
    if isinstance(given, InferenceTask):
        return given
    return api.input_adapter.from_http_request(request_of(given))


def request_of(upload: Upload) -> HTTPRequest:
    """Give the request whose body was read."""
    request = None if upload.scope is None else upload.scope.request
    if request is None:
        return HTTPRequest(HTTPHeaders({"content-type": upload.media_type}), upload.read(), scope=upload.scope)
    return HTTPRequest(inputs.headers_of(request), upload.read(), request.method, request.url.query, scope=upload.scope)


def groups(api: InferenceAPI, tasks: Sequence[InferenceTask]) -> list[list[InferenceTask]]:
    """Put tasks together whose inputs one call of the function can take."""
    if not api.batch:
        return [[task] for task in tasks]
    adapter = api.input_adapter
    if not adapter.IS_JOINED or inputs.is_custom(adapter):
        return [list(tasks)] if tasks else []
    found: dict[Hashable, list[InferenceTask]] = {}
    for task in tasks:
        found.setdefault(adapter.planned().alike(task.data, 0), []).append(task)
    return list(found.values())


def answered(api: InferenceAPI, tasks: Sequence[InferenceTask]) -> list[tuple[InferenceTask, Any]]:
    """Call the function for tasks that go together; give each that was not discarded its value."""
    arguments = api.input_adapter.extract_user_func_args(tasks)
    left = [task for task in tasks if not task.is_discarded]
    if not left:
        return []
    named = {} if api.tasks is None else {api.tasks: left if api.batch else left[0]}
    if api.batch:
        result = api.user_func(*arguments, **named)
    else:
        result = [api.user_func(*(column[0] for column in arguments), **named)]
    if outputs.is_custom(api.output_adapter):
        left = [task for task in left if not task.is_discarded]
        found = api.output_adapter.pack_user_func_return_value(result, left)
        return list(zip(left, found, strict=True))
    return share(result, left)


def plain(value: Any) -> Any:
    """Give what codecs can write: a result with a status of its own becomes a response.

    One that cannot be sent, as its headers hold line breaks or its status is none, fails alone: a caller who could make
    the function write such must not reach those beside it in the batch.
    """
    if not isinstance(value, InferenceResult):
        return value
    try:
        return respond(value)
    except (TypeError, ValueError) as error:
        log.error("the result of an inference API cannot be sent: %s", error, exc_info=error)
        return Response(HIDDEN, 500, media_type=TEXT)


def respond(result: InferenceResult) -> Response:
    """Make a response of a result; raises TypeError or ValueError where that cannot be."""
    body, media = result.text, TEXT
    if not isinstance(body, str | bytes):
        body, media = WRITE(body).body, JSON
    if type(result.http_status) is not int or not 200 <= result.http_status <= 599:
        raise ValueError(f"`http_status` must be a number from 200 to 599: {result.http_status!r}")
    given = {str(name).lower(): text for name, text in result.http_headers.items()}
    made = Response(body, result.http_status)
    framing = {"content-length": str(len(made.body))}
    lines = {"content-type": media, **{name: text for name, text in given.items() if name not in FRAMING}, **framing}
    made.raw_headers[:] = checked(lines.items())
    return made


def refusal(task: InferenceTask) -> Any:
    """Give the response to a task that was discarded."""
    return plain(task.error or InferenceResult(err_msg="the task was discarded", http_status=400))
