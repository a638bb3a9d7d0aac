"""Images, `PIL.Image.Image`: known by their content, not by a header.

In: the class `PIL.Image.Image`, with `ContentType` in `Annotated`. Out: a `Leaf`.
An image arrives fully decoded, in the mode that the file has; a damaged one is refused here. Only formats that
hold pixels are read (no EPS, PDF or WMF, which run other programs). `PIL.Image.MAX_IMAGE_PIXELS` limits the size.
Source: Pillow's handbook, "Image file formats".
"""

import base64
import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import loaded, need
from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import OCTETS, Encoded, Upload, essence
from ekiben.schema.values.base import Encoder, ListBatches
from ekiben.schema.words import named

NOTES = (ContentType,)
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO")
# What Pillow's readers raise on damaged input, beside its own errors (all of them OSError or ValueError).
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error)
# Modes that a format cannot hold, and the nearest one that it can.
NARROWER = {"JPEG": {"RGBA": "RGB", "LA": "L", "P": "RGB", "PA": "RGB", "I;16": "L", "I": "L", "F": "L"}}


def claims(hint: Any) -> bool:
    """Say whether *hint* is Pillow's image class; Pillow is not imported for it."""
    pillow = loaded("PIL.Image")
    return pillow is not None and isinstance(hint, type) and issubclass(hint, pillow.Image)


def plan(hint: Any, notes: tuple[Any, ...]) -> "ImageLeaf":
    """Settle which formats are read, and in which one an answer is written.

    Raises:
        ConfigError: the content type is not one of an image that Pillow can write.
    """
    pillow = need("PIL.Image", "an image parameter", extra="image")
    pillow.init()
    readable = tuple(name for name in FORMATS if name in pillow.OPEN)
    note = next((note.content_type for note in notes if isinstance(note, ContentType)), None)
    if note is None or "*" in note:
        return ImageLeaf(pillow, readable, note, "PNG")
    wanted = essence(note)
    written = next((name for name, media in pillow.MIME.items() if media == wanted and name in pillow.SAVE), None)
    if written is None:
        raise ConfigError(
            f"`ContentType` of an image must be a type that Pillow can write: {note!r}",
            hint="write ContentType('image/png') or ContentType('image/*')",
        )
    return ImageLeaf(pillow, readable, note, written)


@dataclass(frozen=True, slots=True)
class ImageLeaf(ListBatches):
    """One image hint, settled."""

    pillow: ModuleType
    readable: tuple[str, ...]
    note: str | None
    written: str  # the format of an answer, by Pillow's name
    kind: str = "image"
    media_types: tuple[str, ...] = ("image/*", OCTETS)

    @property
    def output_media(self) -> str:
        """The type of an answer."""
        return str(self.pillow.MIME[self.written])

    def schema(self) -> JsonSchema:
        """Describe base64 text, the form that an image has within JSON."""
        return {"type": "string", "contentEncoding": "base64", "contentMediaType": self.note or "image/*"}

    def decode(self, raw: Any) -> Any:
        """Give a loaded image; raises ValueError."""
        if isinstance(raw, Upload):
            return self.load(io.BytesIO(raw.read()))
        if isinstance(raw, self.pillow.Image):
            return raw
        if isinstance(raw, str):
            try:
                return self.load(io.BytesIO(base64.b64decode(raw, validate=True)))
            except ValueError as error:
                if "image" in str(error):
                    raise
        raise ValueError(f"must be an uploaded image, or base64 text of one (addresses are not fetched): {named(raw)}")

    def load(self, file: Any) -> Any:
        """Read the pixels, so that a damaged file is the caller's error, not the model's."""
        try:
            image = self.pillow.open(file, formats=self.readable)
            self.check_size(image)
            image.load()
        except (self.pillow.DecompressionBombError, self.pillow.DecompressionBombWarning) as error:
            raise ValueError(f"is an image of too many pixels: {error}") from error
        except self.pillow.UnidentifiedImageError as error:
            raise ValueError("is not an image that can be read; send PNG, JPEG, WebP, GIF, BMP or TIFF") from error
        except (*DAMAGE, zlib.error, MemoryError) as error:
            raise ValueError(f"is a damaged image: {error}") from error
        return image

    def check_size(self, image: Any) -> None:
        """Refuse more pixels than Pillow's own limit, of which Pillow itself only warns."""
        limit = self.pillow.MAX_IMAGE_PIXELS
        if limit is not None and image.width * image.height > limit:
            raise self.pillow.DecompressionBombError(f"{image.width} x {image.height}, more than {limit}")

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Write the declared format, PNG where none is declared."""
        return {self.output_media: lambda value: Encoded(self.write(value), self.output_media)}

    def write(self, image: Any) -> bytes:
        """Give the image as a file; a mode that the format cannot hold is converted."""
        if not isinstance(image, self.pillow.Image):
            raise TypeError(f"the answer must be a PIL image, not {type(image).__name__}")
        narrower = NARROWER.get(self.written, {}).get(image.mode)
        out = io.BytesIO()
        (image.convert(narrower) if narrower else image).save(out, self.written)
        return out.getvalue()

    def to_json(self, value: Any) -> Any:
        """Give base64 text."""
        return base64.b64encode(self.write(value)).decode()
