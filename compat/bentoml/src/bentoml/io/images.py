"""Images, known by their content, whatever their sender calls them.

In: a file of an image, as the body or as a part of a form. Out: a `PIL.Image.Image` in the asked mode; a file of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from bentoml.exceptions import InvalidArgument
from bentoml.io.base import IODescriptor
from bentoml.io.notes import hint_of
from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import essence
from ekiben.schema.values import image as images
from ekiben.schema.values.image import ImageLeaf
from ekiben.validators import ContentType

MODES = ("1", "CMYK", "F", "HSV", "I", "L", "LAB", "P", "RGB", "RGBA", "RGBX", "YCbCr")  # of Pillow


@dataclass(frozen=True, slots=True)
class PictureLeaf(ImageLeaf):
    """Images of one descriptor."""

    mode: str | None = None
    allowed: tuple[str, ...] = ()  # media types; empty for all

    def schema(self) -> JsonSchema:
        """Describe base64 text, the form that an image has within JSON."""
        media = self.allowed[0] if len(self.allowed) == 1 else "image/*"
        return {"type": "string", "contentEncoding": "base64", "contentMediaType": media}

    def load(self, file: Any) -> Any:
        """Read the pixels, in the descriptor's mode; raises ValueError."""
        image = ImageLeaf.load(self, file)
        media = essence(str(self.pillow.MIME.get(image.format, "")))
        if self.allowed and media not in self.allowed:
            raise ValueError(f"must be an image of type {', '.join(self.allowed)}, not {media}")
        return self.convert(image)

    def convert(self, image: Any) -> Any:
        """Give an image the descriptor's mode; raises ValueError."""
        if self.mode is None or image.mode == self.mode:
            return image
        try:
            return image.convert(self.mode)
        except (ValueError, OSError) as error:
            raise ValueError(f"cannot be converted from mode {image.mode} to {self.mode}") from error

    def write(self, image: Any) -> bytes:
        """Give the image as a file; an array of pixels is one."""
        if hasattr(image, "__array_interface__") and not isinstance(image, self.pillow.Image):
            try:
                image = self.convert(self.pillow.fromarray(image))
            except (TypeError, ValueError) as error:
                raise TypeError(f"the answer must be an image, or an array of pixels: {error}") from error
        return ImageLeaf.write(self, image)


class Image(IODescriptor[Any], descriptor_id="bentoml.io.Image"):
    """Describes an image.

    Args:
        pilmode: Pillow's mode that inputs are converted to; without it they keep their own, as with BentoML, which
            names RGB and converts nothing.
        mime_type: of answers.
        allowed_mime_types: of inputs, by their content; None for all.

    Raises:
        InvalidArgument: the mode is none of Pillow's, or a type none of an image.
    """

    def __init__(
        self,
        pilmode: str | None = None,
        mime_type: str = "image/jpeg",
        *,
        allowed_mime_types: Iterable[str] | None = None,
    ) -> None:
        if pilmode is not None and pilmode not in MODES:
            raise InvalidArgument(f"`pilmode` must be one of {', '.join(MODES)}: {pilmode!r}")
        self._pilmode = pilmode
        self._mime_type = image_type(mime_type, "mime_type")
        given = None if allowed_mime_types is None else list(allowed_mime_types)
        self._allowed = None if given is None else tuple(image_type(one, "allowed_mime_types") for one in given)

    def _leaf(self) -> PictureLeaf:
        try:
            leaf = images.plan(need("PIL.Image", "`Image`", extra="image").Image, (ContentType(self._mime_type),))
        except ConfigError as error:
            raise InvalidArgument(f"`mime_type` must be a type that Pillow can write: {self._mime_type!r}") from error
        allowed = () if self._allowed is None else tuple(essence(one) for one in self._allowed)
        return PictureLeaf(leaf.pillow, leaf.readable, leaf.note, leaf.written, mode=self._pilmode, allowed=allowed)

    def _input_hint(self) -> Any:
        return hint_of(self._leaf())

    def _output_hint(self) -> Any:
        return hint_of(self._leaf())

    def input_type(self) -> Any:
        """Give `PIL.Image.Image`."""
        return need("PIL.Image", "`Image`", extra="image").Image

    @classmethod
    def _options_of(cls, sample: Any) -> dict[str, Any]:
        mode = picture_of(sample).mode
        return {"pilmode": mode} if mode in MODES else {}

    def _from_sample(self, sample: Any) -> Any:
        return picture_of(sample)

    def _spec_args(self) -> dict[str, Any]:
        allowed = None if self._allowed is None else list(self._allowed)
        return {"pilmode": self._pilmode, "mime_type": self._mime_type, "allowed_mime_types": allowed}


def image_type(media: Any, option: str) -> str:
    """Hold a media type to that of an image; raises InvalidArgument."""
    if not isinstance(media, str) or not media.lower().startswith("image/"):
        raise InvalidArgument(f"`{option}` must be of images, such as 'image/png': {media!r}")
    return media


def picture_of(sample: Any) -> Any:
    """Give a sample as an image: one, an array of pixels, or the path of a file of ours; raises InvalidArgument."""
    pillow = need("PIL.Image", "`Image`", extra="image")
    if isinstance(sample, pillow.Image):
        return sample
    try:
        if isinstance(sample, str | PurePath):
            with pillow.open(sample) as image:
                return image.copy()
        return pillow.fromarray(sample)
    except (TypeError, ValueError, OSError, AttributeError) as error:
        raise InvalidArgument(f"a sample of `Image` must be an image, an array or a path: {sample!r:.80}") from error
