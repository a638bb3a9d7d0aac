"""Turn requests, files and events into what an inference API takes.

In: the options of an adapter. Out: a hint, by which Ekiben's own codecs read a request and its engine joins several;
and the methods by which users who write an adapter of their own do the same themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from bentoml.bundles.commandline import Given, parse
from bentoml.bundles.leaves import ANYTHING, InputLeaf, JsonLeaf, WholeLeaf
from bentoml.bundles.tasks import HTTPHeaders, HTTPRequest, InferenceTask, event_request
from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.body import Reader
from ekiben.schema.codec import Codec, plan
from ekiben.schema.content import FORM, URLENCODED
from ekiben.schema.hints import LeafNote
from ekiben.schema.signature import Parameter, Signature

OVERRIDABLE = ("from_http_request", "extract_user_func_args", "validate_task")


class BaseInputAdapter:
    """Base of all input adapters, those of users too.

    An adapter of one's own overrides `from_http_request`, which makes an `InferenceTask` of a request, and
    `extract_user_func_args`, which makes the function's arguments of several tasks: a list for each argument.

    Args:
        http_input_example: an input, shown in the docs of the API.
        base_config: kept in `config`.
    """

    BATCH_MODE_SUPPORTED = True
    SINGLE_MODE_SUPPORTED = True
    IS_JOINED = False  # the inputs of several requests are one value: a frame, a tensor

    def __init__(self, http_input_example: Any = None, **base_config: Any) -> None:
        self.http_input_example = http_input_example
        self._config = base_config
        self._reading: tuple[Reader, Codec] | None = None
        self._leaf: InputLeaf | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The options that it was made with."""
        return dict(self._config)

    @property
    def pip_dependencies(self) -> list[str]:
        """The packages that it needs."""
        return []

    @property
    def request_schema(self) -> Mapping[str, Any]:
        """What a request's body may be, by media type, as OpenAPI has it."""
        codec = self.reading()[1]
        return {media: {"schema": codec.input_schema} for media in codec.input_media}

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return JsonLeaf()

    def hint(self) -> Any:
        """Give the settled hint of a request's body."""
        return Annotated[Any, LeafNote(self.planned())]

    def signature(self) -> Signature:
        """Give what an endpoint takes whose body is the input."""
        hint = self.hint()
        if self.http_input_example is not None:
            hint = Annotated[hint, Field(examples=[self.http_input_example])]
        return Signature((Parameter("value", hint),), is_root=True)

    def whole(self) -> Signature:
        """Give what an endpoint takes that sees whole requests: a body as it came, described as the input."""
        told = {media: part.get("schema", {}) for media, part in self.request_schema.items()}
        media = tuple(name for name in told if name not in (FORM, URLENCODED, ANYTHING))
        schema: dict[str, Any] = next(iter(told.values()), {})
        kind = str(schema.get("x-kind", "json"))
        leaf = WholeLeaf({key: part for key, part in schema.items() if key != "x-kind"}, kind, (*media, ANYTHING))
        return Signature((Parameter("value", Annotated[Any, LeafNote(leaf)]),), is_root=True)

    def arguments(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Give the function's arguments for several inputs, a list for each."""
        return (list(values),)

    def prepare(self, joined: Any) -> tuple[Any, ...]:
        """Give the function's arguments for inputs that were joined to one value."""
        return (joined,)

    def planned(self) -> InputLeaf:
        """Give the leaf; made once."""
        if self._leaf is None:
            self._leaf = self.leaf()
        return self._leaf

    def reading(self) -> tuple[Reader, Codec]:
        """Plan how requests are read; done once."""
        if self._reading is None:
            codec = plan(self.signature())
            self._reading = Reader(codec, Limits()), codec
        return self._reading

    def read(self, body: bytes, content_type: str, scope: Context) -> Any:
        """Read the input from a body; raises InvalidInput."""
        reader = self.reading()[0]
        declared = content_type.encode("latin-1", "replace")
        (value,), _ = reader.from_body(reader.kind(declared), body, declared, lambda: scope)
        return value

    def from_http_request(self, req: HTTPRequest) -> InferenceTask:
        """Make a task of a request; one that cannot be read is discarded with 400."""
        task = InferenceTask(http_method=req.method, http_headers=req.headers)
        try:
            task.data = self.read(req.body, req.headers.get("content-type", ""), req.scope or Context())
        except InvalidInput as error:
            task.discard(http_status=400, err_msg=str(error))
        return task

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask:
        """Make a task of an event of AWS API Gateway."""
        task = self.from_http_request(event_request(event))
        task.aws_lambda_event = dict(event)
        return task

    def from_cli(self, cli_args: Sequence[str]) -> Iterator[InferenceTask]:
        """Make a task of each input on the command line: `--input X…`, `--input-file F…`.

        Raises:
            ConfigError: an argument is unknown, or a file cannot be read.
        """
        for given in parse(cli_args):
            yield self.from_given(given[""], cli_args)

    def from_given(self, given: Given, cli_args: Sequence[str]) -> InferenceTask:
        """Make a task of one input of the command line, as of the body of a request."""
        media = self.cli_type(given)
        task = self.from_http_request(HTTPRequest(HTTPHeaders({"content-type": media} if media else {}), given.content))
        if task.error is not None:
            task.error.err_msg = given.where + task.error.err_msg
        task.cli_args = tuple(cli_args)
        return task

    def cli_type(self, given: Given) -> str:
        """Give the content type of an input of the command line."""
        return given.content_type

    def from_inference_job(self, input_: Sequence[Any], **job: Any) -> Iterator[InferenceTask]:
        """Make a task of each input of a program: what a body of JSON would hold."""
        for value in input_:
            yield InferenceTask(data=value, inference_job_args=job)

    def validate_task(self, task: InferenceTask) -> bool:
        """Say whether a task can be answered; one that cannot may be discarded here."""
        return not task.is_discarded

    def extract_user_func_args(self, tasks: Iterable[InferenceTask]) -> tuple[Any, ...]:
        """Give the arguments of the user's function, each a list, or one joined value."""
        found = list(tasks)
        if not self.IS_JOINED:
            return self.arguments([task.data for task in found])
        joined, sizes = self.planned().join([task.data for task in found], 0)
        for task, size in zip(found, sizes, strict=True):
            task.batch = size
        return self.prepare(joined)


def is_custom(adapter: BaseInputAdapter) -> bool:
    """Say whether a user's adapter reads requests by itself."""
    kind = type(adapter)
    return any(getattr(kind, name) is not getattr(BaseInputAdapter, name) for name in OVERRIDABLE)


def headers_of(request: Any) -> HTTPHeaders:
    """Give the headers of a Starlette request."""
    return HTTPHeaders((name, value) for name, value in request.headers.items())
