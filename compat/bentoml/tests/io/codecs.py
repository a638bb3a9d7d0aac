"""Codecs of descriptors, as `bentoml.Service` plans them."""

from typing import Any

from bentoml.front import STYLE_OF_RUNNERS
from bentoml.io import IODescriptor

from ekiben.schema.codec import Codec, plan
from ekiben.schema.signature import EMPTY, Parameter, Signature, check, check_answer


def codec_of(
    taken: IODescriptor[Any], given: IODescriptor[Any] | None = None, *, is_stream: bool = False, answers: bool = True
) -> Codec:
    """Plan an API that takes one descriptor and gives another, or the same."""
    given = taken if given is None else given
    if taken.parts:
        parameters = tuple(
            Parameter(name, check(part.parameter_hint(), name, is_input=True)) for name, part in taken.parts.items()
        )
    else:
        parameters = (Parameter("value", check(taken.parameter_hint(), "value", is_input=True)),)
    returns = check_answer(given.answer_hint(), "answer") if answers else EMPTY
    signature = Signature(parameters, returns=returns, is_root=not taken.parts, is_stream=is_stream, passes_over=True)
    return plan(signature, STYLE_OF_RUNNERS)


def read(codec: Codec, body: bytes) -> Any:
    """Read a body of JSON."""
    (value,), _ = codec.from_json(body)
    return value
