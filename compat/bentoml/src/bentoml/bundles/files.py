"""Inputs that are files: the body of a request, or named parts of a form."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from bentoml.bundles.commandline import Given, parse
from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import FileLeaf, InputLeaf
from bentoml.bundles.tasks import InferenceTask
from ekiben.core.context import Context
from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.schema.content import Upload
from ekiben.schema.hints import LeafNote
from ekiben.schema.structures import Field, ObjectNote


class FileInput(BaseInputAdapter):
    """Give the function a file that is open for reading, or a list of such with `batch=True`.

    The file is the body of the request, or the only file of a form.

    Args:
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(self, http_input_example: Any = None) -> None:
        super().__init__(http_input_example)

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return FileLeaf()


class NamedInputs(BaseInputAdapter):
    """Base of inputs that are the parts of a form, each with a name; the function takes one argument each."""

    def parts(self) -> Mapping[str, Field]:
        """Give the hint of each part, by its name."""
        raise ConfigError(f"`{type(self).__name__}` has no parts")

    def hint(self) -> Any:
        """Give the settled hint of a form."""
        return Annotated[dict, ObjectNote("Inputs", self.parts())]

    def arguments(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Give a list for each part."""
        return tuple([value.get(name) for value in values] for name in self.parts())

    def from_cli(self, cli_args: Sequence[str]) -> Iterator[InferenceTask]:
        """Make a task of each set of files: `--input-file-NAME F…`; raises ConfigError."""
        codec = self.reading()[1]
        for given in parse(cli_args, tuple(self.parts())):
            task = InferenceTask(cli_args=tuple(cli_args))
            try:
                (task.data,), _ = codec.from_fields([(name, upload_of(each)) for name, each in given.items()])
            except InvalidInput as error:
                task.discard(err_msg=str(error))
            yield task


class MultiFileInput(NamedInputs):
    """Give the function several files of one form, each as an argument.

    Args:
        input_names: of the parts, in the order of the function's arguments.
        allow_none: a part that is missing is None.
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(self, input_names: Sequence[str], allow_none: bool = False, http_input_example: Any = None) -> None:
        names = read_names(input_names)
        super().__init__(http_input_example, input_names=list(names), allow_none=allow_none)
        self.input_names = names
        self.allow_none = allow_none

    def parts(self) -> Mapping[str, Field]:
        """Give a file for each name."""
        return fields_of(self.input_names, FileLeaf(), required=not self.allow_none)


def fields_of(names: Sequence[str], leaf: InputLeaf, *, required: bool = True) -> dict[str, Field]:
    """Give fields of one kind."""
    return {name: Field(Annotated[Any, LeafNote(leaf)], required=required) for name in names}


def read_names(names: Any) -> tuple[str, ...]:
    """Check `input_names`; raises ConfigError."""
    found = tuple(names) if isinstance(names, list | tuple) else ()
    if not found or not all(isinstance(name, str) and name for name in found) or len(set(found)) < len(found):
        raise ConfigError(
            f"`input_names` must be a list of different names: {names!r}", hint='write ["first", "second"]'
        )
    return found


def upload_of(given: Given) -> Upload:
    """Give an input of the command line as a part of a form."""
    return Upload(given.content, given.content_type, given.filename, Context())
