"""Turn what an inference API returns into answers.

In: the options of an adapter. Out: a hint, by which Ekiben's codecs write an answer; and the methods by which users who
write an adapter of their own do the same themselves.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from bentoml.bundles.answers import AnswerLeaf
from bentoml.bundles.shares import share
from bentoml.bundles.tasks import HTTPHeaders, InferenceResult, InferenceTask
from bentoml.front import STYLE_OF_BUNDLES
from ekiben.core.errors import ConfigError
from ekiben.schema.answers import plan
from ekiben.schema.hints import LeafNote
from ekiben.schema.signature import Signature

ORIENTS = ("records", "columns", "split", "index", "values")


class BaseOutputAdapter:
    """Base of all output adapters, those of users too.

    An adapter of one's own overrides `pack_user_func_return_value`, which makes an `InferenceResult` for each task of
    what the function returned.

    Args:
        base_config: kept in `config`.
    """

    def __init__(self, **base_config: Any) -> None:
        self._config = base_config

    @property
    def config(self) -> dict[str, Any]:
        """The options that it was made with."""
        return dict(self._config)

    @property
    def pip_dependencies(self) -> list[str]:
        """The packages that it needs."""
        return []

    def leaf(self) -> AnswerLeaf:
        """Give what writes one answer."""
        return AnswerLeaf()

    def hint(self) -> Any:
        """Give the settled hint of an answer."""
        return Annotated[Any, LeafNote(self.leaf())]

    def pack_user_func_return_value(self, return_result: Any, tasks: Sequence[InferenceTask]) -> list[InferenceResult]:
        """Make a result for each task that was not discarded, of what the function returned for all of them.

        Raises:
            Misfit: there are not as many results as tasks.
        """
        write = plan(Signature((), returns=self.hint()), STYLE_OF_BUNDLES.nan_style).encode
        packed = []
        for task, value in share(return_result, tasks):
            if isinstance(value, InferenceResult):
                packed.append(value)
                continue
            body, media, _ = write(value)
            packed.append(
                InferenceResult(data=body, task_id=task.task_id, http_headers=HTTPHeaders({"content-type": media}))
            )
        return packed


class DefaultOutput(BaseOutputAdapter):
    """Answer with JSON: arrays as lists, frames as records, tensors as lists, anything else as it is."""

    def __init__(self) -> None:
        super().__init__()


class JsonOutput(BaseOutputAdapter):
    """Answer with JSON.

    Args:
        ensure_ascii: write letters beyond ASCII as escapes.
    """

    def __init__(self, ensure_ascii: bool = False) -> None:
        super().__init__(ensure_ascii=ensure_ascii)
        if not isinstance(ensure_ascii, bool):
            raise ConfigError(f"`ensure_ascii` must be True or False: {ensure_ascii!r}")
        self.ensure_ascii = ensure_ascii

    def leaf(self) -> AnswerLeaf:
        """Give what writes one answer."""
        return AnswerLeaf(is_ascii=self.ensure_ascii)


class DataframeOutput(BaseOutputAdapter):
    """Answer with the rows of a frame.

    Args:
        output_orient: as in pandas: records, columns, split, index or values.
    """

    def __init__(self, output_orient: str = "records") -> None:
        super().__init__(output_orient=output_orient)
        if output_orient not in ORIENTS:
            raise ConfigError(f"`output_orient` must be one of {', '.join(ORIENTS)}: {output_orient!r}")
        self.output_orient = output_orient

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of frames."""
        return ["pandas"]

    def leaf(self) -> AnswerLeaf:
        """Give what writes one answer."""
        return AnswerLeaf(takes="dataframe", orient=self.output_orient)


class TfTensorOutput(BaseOutputAdapter):
    """Answer with a tensor as lists."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of tensors."""
        return ["tensorflow"]

    def leaf(self) -> AnswerLeaf:
        """Give what writes one answer."""
        return AnswerLeaf(takes="tensor")


def is_custom(adapter: BaseOutputAdapter) -> bool:
    """Say whether a user's adapter makes results by itself."""
    return type(adapter).pack_user_func_return_value is not BaseOutputAdapter.pack_user_func_return_value
