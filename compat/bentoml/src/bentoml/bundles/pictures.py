"""Inputs that are pictures, which the function takes as arrays of (height, width, channels)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

from bentoml.bundles.files import NamedInputs, fields_of, read_names
from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import FileLeaf, InputLeaf, JsonLeaf, only_file
from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema
from ekiben.schema.hints import LeafNote
from ekiben.schema.structures import Field
from ekiben.schema.values import image as images

FORMATS = (".jpg", ".png", ".jpeg", ".tiff", ".webp", ".bmp")


@dataclass(frozen=True, slots=True)
class PixelsLeaf(FileLeaf):
    """A picture, by its content: an array of its pixels."""

    formats: tuple[str, ...] = FORMATS  # endings that are accepted
    mode: str | None = "RGB"  # of Pillow; None: as the file has it

    def schema(self) -> JsonSchema:
        """Describe an upload."""
        return {"type": "string", "format": "binary", "contentMediaType": "image/*"}

    def decode(self, raw: Any) -> Any:
        """Give the pixels; raises ValueError."""
        numpy = need("numpy", "a picture")
        if isinstance(raw, numpy.ndarray):
            return raw
        pillow = self.pillow()
        upload = only_file(raw)
        picture = images.plan(pillow.Image, ()).decode(upload)
        endings = {ending for ending, name in pillow.registered_extensions().items() if name == picture.format}
        if endings.isdisjoint(self.formats):
            raise ValueError(f"must be a picture of {', '.join(self.formats)}: {picture.format}")
        return numpy.asarray(picture if self.mode is None else picture.convert(self.mode))

    def pillow(self) -> ModuleType:
        """Import Pillow."""
        return need("PIL.Image", "a picture", extra="image")


class ImageInput(BaseInputAdapter):
    """Give the function a picture as an array, or a list of such with `batch=True`.

    The picture is the body of the request, or the only file of a form.

    Args:
        accept_image_formats: endings of the formats that are accepted; a file is judged by its content, not its name.
        pilmode: Pillow's mode of the array, such as `L`; None: as the file has it.
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(
        self,
        accept_image_formats: Sequence[str] | None = None,
        pilmode: str | None = "RGB",
        http_input_example: Any = None,
    ) -> None:
        super().__init__(http_input_example, accept_image_formats=accept_image_formats, pilmode=pilmode)
        self.accept_image_formats = read_formats(accept_image_formats)
        self.pilmode = read_mode(pilmode)

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of pictures."""
        return ["pillow"]

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return PixelsLeaf(formats=self.accept_image_formats, mode=self.pilmode)


class MultiImageInput(NamedInputs):
    """Give the function several pictures of one form, each as an argument.

    Args:
        input_names: of the parts, in the order of the function's arguments.
        accept_image_formats: endings of the formats that are accepted.
        pilmode: Pillow's mode of the arrays; None: as the files have it.
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(
        self,
        input_names: Sequence[str] = ("image",),
        accept_image_formats: Sequence[str] | None = None,
        pilmode: str | None = "RGB",
        http_input_example: Any = None,
    ) -> None:
        self.input_names = read_names(input_names)
        self.accept_image_formats = read_formats(accept_image_formats)
        self.pilmode = read_mode(pilmode)
        super().__init__(
            http_input_example,
            input_names=list(self.input_names),
            accept_image_formats=accept_image_formats,
            pilmode=pilmode,
        )

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of pictures."""
        return ["pillow"]

    def parts(self) -> Mapping[str, Field]:
        """Give a picture for each name."""
        return fields_of(self.input_names, PixelsLeaf(formats=self.accept_image_formats, mode=self.pilmode))


class AnnotatedImageInput(NamedInputs):
    """Give the function a picture and, where the form has it, JSON about it.

    Args:
        image_input_name: the part that is the picture.
        annotation_input_name: the part that is JSON; its argument is None where it is missing.
        pilmode: Pillow's mode of the array; None: as the file has it.
        accept_image_formats: endings of the formats that are accepted.
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(
        self,
        image_input_name: str = "image_file",
        annotation_input_name: str = "json_file",
        pilmode: str | None = "RGB",
        accept_image_formats: Sequence[str] | None = None,
        http_input_example: Any = None,
    ) -> None:
        self.image_input_name, self.annotation_input_name = read_names([image_input_name, annotation_input_name])
        self.accept_image_formats = read_formats(accept_image_formats)
        self.pilmode = read_mode(pilmode)
        super().__init__(
            http_input_example,
            image_input_name=image_input_name,
            annotation_input_name=annotation_input_name,
            accept_image_formats=accept_image_formats,
            pilmode=pilmode,
        )

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of pictures."""
        return ["pillow"]

    def parts(self) -> Mapping[str, Field]:
        """Give the picture and its annotations."""
        picture = PixelsLeaf(formats=self.accept_image_formats, mode=self.pilmode)
        return {
            **fields_of((self.image_input_name,), picture),
            self.annotation_input_name: Field(Annotated[Any, LeafNote(JsonLeaf())], required=False),
        }


def read_formats(value: Any) -> tuple[str, ...]:
    """Check `accept_image_formats`; raises ConfigError."""
    if value is None:
        return FORMATS
    given = tuple(value) if isinstance(value, list | tuple) else ()
    if not given or not all(isinstance(each, str) and each.strip(".") for each in given):
        raise ConfigError(f"`accept_image_formats` must be a list of endings: {value!r}", hint='write [".jpg", ".png"]')
    return tuple(f".{each.lower().lstrip('.')}" for each in given)


def read_mode(value: Any) -> str | None:
    """Check `pilmode`; raises ConfigError."""
    if value is None:
        return None
    if value not in MODES:
        raise ConfigError(f"`pilmode` must be one of {', '.join(MODES)}: {value!r}")
    return str(value)


MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA")
