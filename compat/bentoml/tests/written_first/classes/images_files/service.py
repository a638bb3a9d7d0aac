# Shows: pictures and files in and out, kinds of content, lists of files, a file with other fields, bytes as the body.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import typing as t
from pathlib import Path

import bentoml
from bentoml.validators import ContentType
from PIL import Image
from PIL.Image import Image as PILImage


@bentoml.service
class Media:
    @bentoml.api
    def thumbnail(self, image: PILImage, width: int = 8) -> PILImage:
        return image.resize((width, width * image.height // image.width))

    @bentoml.api
    def grey(self, image: t.Annotated[Path, ContentType("image/png")]) -> t.Annotated[Path, ContentType("image/png")]:
        out = image.with_name("grey.png")
        Image.open(image).convert("L").save(out)
        return out

    @bentoml.api
    def sizes(self, files: t.List[Path], unit: str = "B") -> t.Dict[str, t.Any]:
        return {"sizes": [file.stat().st_size for file in files], "unit": unit}

    @bentoml.api
    def describe(self, image: PILImage, tags: t.List[str]) -> dict:
        return {"mode": image.mode, "size": image.size, "tags": tags}

    @bentoml.api
    def optional(self, words: str, attachment: t.Optional[Path] = None) -> str:
        return words if attachment is None else words + " with " + attachment.read_text()

    @bentoml.api
    def checksum(self, data: t.Annotated[Path, ContentType("application/*")], /) -> int:
        return sum(data.read_bytes())

    @bentoml.api
    def tone(self, seconds: int) -> t.Annotated[bytes, ContentType("audio/wav")]:
        return b"RIFF" + bytes(seconds)
