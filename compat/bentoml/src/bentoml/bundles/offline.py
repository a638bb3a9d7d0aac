"""Run an inference API over inputs of the command line, without a server.

In: a service, an API's name, and the words that its input adapter reads. Out: a result for each input, in their order.
The calls go through Ekiben's engine, so batches and threads are those of a server; its limits of time are not.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from starlette.responses import Response

from bentoml.bundles.apis import InferenceAPI
from bentoml.bundles.bind import rebatched
from bentoml.bundles.served import Served, sees_requests
from bentoml.bundles.tasks import InferenceError, InferenceResult, InferenceTask
from ekiben.core.context import Context
from ekiben.core.errors import ConfigError, EkibenError
from ekiben.core.spec import BoundService
from ekiben.core.trace import explain
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.schema.codec import Codec, plan
from ekiben.tools.batch.endpoint import choose, started

BESIDE = 1000  # inputs that are in the engine at once, where no batch is larger

Show = Callable[[InferenceResult], None]


def run(bound: BoundService, name: str | None, words: Sequence[str], show: Show, batch_size: int | None = None) -> int:
    """Answer every input, and *show* each result as soon as those before it are there.

    Args:
        bound: the service.
        name: of the API; None where there is one only.
        words: what the API's input adapter reads: `--input X…`, `--input-file F…`.
        show: is given each result; its `data` is the text of the answer.
        batch_size: items of a batch at most; None takes the API's own.

    Returns:
        The exit code: 0, or that of the first input that failed.

    Raises:
        ConfigError: there is no such API, or its adapter cannot read the words.
    """
    return asyncio.run(run_async(rebatched(bound, batch_size), name, words, show))


async def run_async(bound: BoundService, name: str | None, words: Sequence[str], show: Show) -> int:
    """Do the work of `run`."""
    endpoint = choose(bound, the_only(bound) if name is None else name)
    codec = plan(endpoint.signature, bound.spec.style)
    code = 0
    async with started(endpoint.bound) as dispatcher:
        assert dispatcher.instance is not None  # it has started
        served: Served = dispatcher.instance.target
        api = served.apis.get(endpoint.spec.name)
        if api is None:
            raise ConfigError(f"`{endpoint.spec.name}` is no inference API", hint=f"they are: {', '.join(served.apis)}")
        tasks = iter(api.input_adapter.from_cli(tuple(words)))
        for some in pieces(tasks, max(BESIDE, api.mb_max_batch_size)):
            for result in await asyncio.gather(*(answer(dispatcher, api, codec, task) for task in some)):
                show(result)
                code = code or int(result.cli_status or 0)
    return code


def the_only(bound: BoundService) -> str | None:
    """Name the only inference API; None where there are several."""
    names = [each.name for each in bound.spec.endpoints if each.methods == ("POST", "GET")]
    return names[0] if len(names) == 1 else None


async def answer(dispatcher: LocalDispatcher, api: InferenceAPI, codec: Codec, task: InferenceTask) -> InferenceResult:
    """Answer one input; whatever goes wrong is its result."""
    if task.is_discarded:
        return task.error or InferenceError(err_msg="the input was discarded", task_id=task.task_id)
    whole = sees_requests(api)
    call = Call(api.name, (task if whole else task.data,), {}, Context() if whole else None)
    try:
        value: Any = await dispatcher.submit(call)
    except EkibenError as error:
        return InferenceError(err_msg=str(error), task_id=task.task_id, http_status=error.status)
    except Exception as error:  # noqa: BLE001 - the border: the user's function raised it
        return InferenceError(err_msg=explain(error), task_id=task.task_id)
    return result_of(value, codec, task)


def result_of(value: Any, codec: Codec, task: InferenceTask) -> InferenceResult:
    """Give the result of a value: its text, or that of a response of the function's own."""
    if isinstance(value, Response):
        text = bytes(value.body).decode(errors="replace")
        if value.status_code >= 400:
            failed = task.error or InferenceError(err_msg=text)
            return InferenceError(
                err_msg=text,
                task_id=task.task_id,
                http_status=value.status_code,
                cli_status=failed.cli_status,
            )
        return InferenceResult(data=text, task_id=task.task_id, http_status=value.status_code)
    body = codec.encode(value).body
    text = body.decode() if isinstance(body, bytes) else body.read_text()
    return InferenceResult(data=text, task_id=task.task_id)


def pieces(tasks: Iterator[InferenceTask], size: int) -> Iterator[list[InferenceTask]]:
    """Take tasks apart, so many at a time."""
    while some := list(islice(tasks, size)):
        yield some
