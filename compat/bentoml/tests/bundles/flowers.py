"""A service of 0.13 with every kind of inference API, for tests."""

import threading
from typing import Any

import bentoml
import numpy as np
import pandas as pd
from bentoml.adapters import (
    AnnotatedImageInput,
    BaseInputAdapter,
    BaseOutputAdapter,
    ClipperFloatsInput,
    DataframeInput,
    DataframeOutput,
    FileInput,
    ImageInput,
    JsonInput,
    JsonOutput,
    MultiFileInput,
    MultiImageInput,
    StringInput,
)
from bentoml.bundles.bind import bind
from bentoml.types import FileLike, HTTPRequest, InferenceError, InferenceResult, InferenceTask

HELD = threading.Event()  # while it is clear, `together` waits
INSIDE = threading.Event()  # `together` was entered
HELD.set()


class ShoutInput(BaseInputAdapter):
    """An adapter of a user's own: text in capitals, with who sent it."""

    def from_http_request(self, req: HTTPRequest) -> InferenceTask:
        if not req.body:
            task = InferenceTask()
            task.discard(http_status=422, err_msg="say something")
            return task
        return InferenceTask(data=(req.body.decode().upper(), req.headers.get("x-who", "nobody"), req.query))

    def extract_user_func_args(self, tasks: Any) -> tuple[Any, ...]:
        found = [task.data for task in tasks]
        return [words for words, _, _ in found], [(who, query) for _, who, query in found]


class XmlOutput(BaseOutputAdapter):
    """An adapter of a user's own: XML."""

    def pack_user_func_return_value(self, return_result: Any, tasks: Any) -> list[InferenceResult]:
        return [
            InferenceResult(data=f"<a>{value}</a>", http_status=201, http_headers={"Content-Type": "text/xml"})
            for value in return_result
        ]


class Flowers:
    """Say things of flowers."""

    name = "Flowers"
    version = "20261121_ABC"

    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, df: pd.DataFrame) -> Any:
        """Sum each row."""
        return df.sum(axis=1).to_numpy()

    @bentoml.api(input=DataframeInput(columns=["a", "b"], dtype={"a": "float64", "b": "int64"}), batch=True)
    def typed(self, df: pd.DataFrame) -> Any:
        return [f"{list(df.columns)} {row.a:.1f} {row.b}" for row in df.itertuples()]

    @bentoml.api(input=DataframeInput(), output=DataframeOutput(output_orient="split"), batch=True)
    def doubled(self, df: pd.DataFrame) -> pd.DataFrame:
        return df * 2

    @bentoml.api(input=DataframeInput(), batch=True)
    def together(self, df: pd.DataFrame) -> list[int]:
        INSIDE.set()
        HELD.wait(30)
        return [len(df)] * len(df)

    @bentoml.api(input=DataframeInput(), batch=True)
    def short(self, df: pd.DataFrame) -> list[int]:
        return [1] * (len(df) + 1)

    @bentoml.api(input=DataframeInput(), batch=True)
    def picky(self, df: pd.DataFrame, tasks: list[InferenceTask]) -> Any:
        for task in tasks:
            if task.http_headers.get("x-user") == "bad":
                task.discard(http_status=403, err_msg="not you")
        return df.sum(axis=1).to_numpy()

    @bentoml.api(input=JsonInput())
    def one(self, value: Any) -> Any:
        return value

    @bentoml.api(input=JsonInput(), batch=True)
    def sizes(self, values: list[Any]) -> Any:
        return np.array([len(value) for value in values])

    @bentoml.api(input=JsonInput(), batch=True)
    def lost(self, values: list[Any]) -> Any:
        return values[1:]

    @bentoml.api(input=JsonInput(), batch=True)
    def judged(self, values: list[Any], tasks: list[InferenceTask]) -> Any:
        for value, task in zip(values, tasks, strict=True):
            if value < 0:
                task.discard(http_status=418, err_msg=f"{value} is below nothing")
        return [value * 2 for value, task in zip(values, tasks, strict=True) if not task.is_discarded]

    @bentoml.api(input=JsonInput())
    def single(self, value: Any, task: InferenceTask) -> Any:
        if value == "no":
            task.discard(http_status=409, err_msg="so be it")
            return None
        return [task.http_method, task.http_headers.get("X-User"), task.http_headers.content_type]

    @bentoml.api(input=JsonInput())
    def own(self, value: Any) -> InferenceResult:
        if value == "bad":
            return InferenceError(err_msg="this is bad", http_status=400)
        return InferenceResult(data={"got": value}, http_status=202, http_headers={"X-Own": "yes"})

    @bentoml.api(input=JsonInput(), batch=True)
    def reflected(self, values: list[Any]) -> list[InferenceResult]:
        return [
            InferenceResult(data="sent", http_headers={"X-Said": value["header"]}, http_status=value.get("status", 200))
            for value in values
        ]

    @bentoml.api(input=StringInput(), output=JsonOutput(ensure_ascii=True))
    def text(self, words: str) -> list[str]:
        return [words]

    @bentoml.api(input=FileInput(), batch=True)
    def files(self, found: list[FileLike]) -> list[Any]:
        return [[file.name, file.content_type, len(file.read())] for file in found]

    @bentoml.api(input=MultiFileInput(input_names=["first", "second"], allow_none=True))
    def pair(self, first: FileLike | None, second: FileLike | None) -> Any:
        return [None if file is None else file.read().decode() for file in (first, second)]

    @bentoml.api(input=ImageInput(accept_image_formats=[".png", "jpg"], pilmode="L"), batch=True)
    def shapes(self, images: list[Any]) -> list[Any]:
        return [list(image.shape) for image in images]

    @bentoml.api(input=MultiImageInput(input_names=["left", "right"]), batch=True)
    def compare(self, left: list[Any], right: list[Any]) -> list[bool]:
        return [a.shape == b.shape for a, b in zip(left, right, strict=True)]

    @bentoml.api(input=AnnotatedImageInput())
    def annotated(self, image: Any, annotations: Any) -> Any:
        return [list(image.shape), annotations]

    @bentoml.api(input=ClipperFloatsInput(), batch=True)
    def floats(self, found: list[Any]) -> list[Any]:
        return [[str(each.dtype), each.sum()] for each in found]

    @bentoml.api(input=ShoutInput(), output=XmlOutput(), batch=True)
    def shout(self, words: list[str], who: list[Any]) -> list[str]:
        return [f"{word} from {name} {query}" for word, (name, query) in zip(words, who, strict=True)]

    @bentoml.api(input=JsonInput(), route="v1/there", api_name="elsewhere", api_doc="It is elsewhere.")
    def moved(self, value: Any) -> float:
        return float("nan")

    @bentoml.api(input=JsonInput(), batch=True)
    def broken(self, values: list[Any]) -> Any:
        raise RuntimeError(f"a secret: {values}")

    @classmethod
    def __ekiben_service__(cls) -> Any:
        return bind(cls())
