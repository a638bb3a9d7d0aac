# Shows: Multipart in and out, Image with a mode and allowed kinds, File, a picture as the answer.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import io
from typing import Any

import bentoml
import PIL.Image
from bentoml.io import JSON, File, Image, Multipart, NumpyNdarray, Text

svc = bentoml.Service("photos")


@svc.api(input=Image(pilmode="RGB", allowed_mime_types=["image/png", "image/jpeg"]), output=Image(mime_type="image/png"))
def turn(photo: PIL.Image.Image) -> PIL.Image.Image:
    return photo.transpose(PIL.Image.Transpose.ROTATE_90)


@svc.api(input=Multipart(photo=Image(), note=JSON()), output=JSON())
async def annotate(photo: PIL.Image.Image, note: dict[str, Any]) -> dict:
    return {"size": list(photo.size), "by": note["by"]}


@svc.api(input=Multipart(arr=NumpyNdarray(), name=Text()), output=Multipart(total=NumpyNdarray(), name=Text()))
def add_up(arr, name):
    return {"total": arr.sum(axis=0), "name": name.upper()}


@svc.api(input=File(), output=File(mime_type="text/plain"))
def reverse(upload: io.BytesIO) -> io.BytesIO:
    return io.BytesIO(upload.read()[::-1])
