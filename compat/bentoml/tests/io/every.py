"""A service with an API for each descriptor; what the functions' own hints say is nobody's business."""

from collections.abc import AsyncIterator
from typing import Any

import bentoml
import numpy as np
import pandas as pd
import pydantic
from bentoml.io import (
    JSON,
    SSE,
    File,
    Image,
    IODescriptor,
    Multipart,
    NumpyNdarray,
    PandasDataFrame,
    PandasSeries,
    Text,
)
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class Row(pydantic.BaseModel):
    name: str
    size: float = 1.0


class Upper(IODescriptor[str], descriptor_id="every.Upper"):
    async def from_http_request(self, request: Request) -> str:
        return f"{request.headers['x-who']}: {(await request.body()).decode().upper()}"

    async def to_http_response(self, obj: str, ctx: Any = None) -> Response:
        return PlainTextResponse(obj, 201, headers={"x-own": "yes"})


svc = bentoml.Service("every")


@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def classify(input_series: str) -> str:
    return np.array(["setosa", "versicolor", "virginica"])[int(input_series[0].sum()) % 3]


@svc.api(input=NumpyNdarray(dtype="float32", shape=(-1, 2), enforce_shape=True), output=NumpyNdarray(dtype="float64"))
def double(rows: Any) -> Any:
    return rows * 2


@svc.api(input=JSON(), output=JSON())
def echo(data: int) -> str:
    return data


@svc.api(input=JSON(pydantic_model=Row), output=JSON(pydantic_model=Row))
def grow(row: Row) -> Row:
    return Row(name=row.name, size=row.size * 2)


@svc.api(input=Text(), output=Text())
def shout(text: str, ctx: bentoml.Context) -> str:
    ctx.response.status_code = 202
    return text.upper() + "!"


@svc.api(input=Text(), output=Text(content_type="text/event-stream"))
async def tokens(text: str) -> AsyncIterator[str]:
    for word in text.split():
        yield SSE(word, event="token").marshal()


@svc.api(input=PandasDataFrame(), output=PandasDataFrame(default_format="csv"))
def table(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(total=frame.sum(axis=1))


@svc.api(input=PandasSeries(dtype="float64"), output=PandasSeries())
def halve(series: pd.Series) -> pd.Series:
    return series / 2


@svc.api(input=Image(pilmode="L"), output=Image(mime_type="image/png"))
def rotate(image: Any) -> Any:
    return image.rotate(90, expand=True)


@svc.api(input=File(), output=File(mime_type="application/x-own"))
def reverse(file: Any) -> bytes:
    return file.read()[::-1]


@svc.api(
    input=Multipart(rows=NumpyNdarray(), about=JSON(), picture=Image(), words=Text()),
    output=Multipart(total=NumpyNdarray(), about=JSON(), words=Text()),
)
def mixed(rows: Any, about: Any, picture: Any, words: Any) -> Any:
    return {"total": rows.sum(), "about": {**about, "size": picture.size}, "words": words.upper()}


@svc.api(input=Multipart(words=Text(), more=JSON()), output=JSON())
def optional(words: str, more: Any = None) -> Any:
    return {"words": words, "more": more}


@svc.api(input=Upper(), output=Upper())
def own(text: str) -> str:
    return text + "?"
