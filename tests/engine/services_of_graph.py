"""Services that call each other in every way, for `test_graph.py`."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from PIL.Image import Image
from PIL.Image import new as new_image
from pydantic import BaseModel

import ekiben
from ekiben.exceptions import InvalidInput
from ekiben.validators import ContentType

FOLDER = Path(os.environ.get("GRAPH_FOLDER", "."))


class Row(BaseModel):
    left: int
    right: float = 1.0


@dataclass
class Pair:
    first: int
    second: list[int]


class TooShort(InvalidInput):
    """An error of the user's own."""

    status = 422


def mark(name: str) -> None:
    (FOLDER / name).touch()


@ekiben.service(workers=2)
class Model:
    """Is called by both others."""

    def __init__(self) -> None:
        with (FOLDER / "order").open("a") as file:
            file.write("Model\n")

    @ekiben.api(batchable=True)
    def double(self, x: np.ndarray) -> np.ndarray:
        return x * 2

    @ekiben.api
    def process(self) -> int:
        return os.getpid()

    @ekiben.api
    async def greet(self, name: str = "you", *, loud: bool = False) -> str:
        return f"hello {name}".upper() if loud else f"hello {name}"

    @ekiben.api
    def swap(self, rows: list[Row], pair: Pair) -> Row:
        return Row(left=rows[0].left + pair.second[-1], right=pair.first)

    @ekiben.api
    def table(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(total=frame.sum(axis=1))

    @ekiben.api
    def turn(self, image: Annotated[Image, ContentType("image/png")]) -> Image:
        return image.rotate(90, expand=True)

    @ekiben.api
    def length(self, file: Path) -> int:
        return file.stat().st_size

    @ekiben.api
    def open(self, value: Any) -> Any:
        return value

    @ekiben.api
    def fail(self, how: str) -> None:
        raise {
            "ours": InvalidInput("`how` must be kind: 'ours'", hint="be kind"),
            "theirs": TooShort("too short"),
            "bug": KeyError("secret"),
        }[how]

    @ekiben.api
    def left(self, ctx: ekiben.Context) -> float | None:
        return ctx.remaining()

    @ekiben.api
    def hold(self, name: str) -> str:
        mark(f"{name}-began")
        end = time.monotonic() + 60
        while not (FOLDER / name).exists() and time.monotonic() < end:
            time.sleep(0.01)
        return name

    @ekiben.api
    def rows(self, n: int, name: str = "") -> Iterator[Row]:
        try:
            for i in range(n):
                if name:
                    (FOLDER / name).write_text(str(i))
                yield Row(left=i)
        finally:
            if name:
                mark(f"{name}-ended")

    @ekiben.api
    async def arrays(self, n: int, broken: bool = False) -> AsyncIterator[Any]:
        for i in range(n):
            yield {"rows": np.full(3, i), "name": f"{i}"}
        if broken:
            raise InvalidInput("`n` must be another")

    def helper(self) -> str:
        return "no endpoint"


@ekiben.service
class Middle:
    """Depends, and is depended on."""

    model = ekiben.depends(Model)

    def __init__(self) -> None:
        with (FOLDER / "order").open("a") as file:
            file.write("Middle\n")
        self.at_start = self.model.double(np.ones(2)).tolist()

    @ekiben.api
    def twice(self, x: np.ndarray) -> np.ndarray:
        assert self.at_start == [2.0, 2.0]
        return self.model.double(self.own(x) / 2)

    @ekiben.api
    def own(self, x: np.ndarray) -> np.ndarray:
        return self.model.double(x)

    @ekiben.api
    def processes(self) -> list[int]:
        return [os.getpid(), self.model.process()]


@ekiben.service(traffic={"timeout": 20})
class Top:
    """Is served."""

    model = ekiben.depends(Model)
    middle = ekiben.depends(Middle)

    @ekiben.api
    def processes(self) -> list[int]:
        return [os.getpid(), *self.middle.processes()]

    @ekiben.api
    def twice(self, x: np.ndarray) -> np.ndarray:
        return self.middle.twice(x)

    @ekiben.api
    def large(self, n: int) -> float:
        found = self.model.double(np.ones((n, 1)))
        found[0] = 0  # an answer can be written to
        return float(found.sum())

    @ekiben.api
    def kinds(self) -> dict[str, Any]:
        file = FOLDER / "file.bin"
        file.write_bytes(b"x" * 7)
        row = self.model.swap([Row(left=1)], Pair(3, [1, 2]))
        pixels = self.model.turn(self._image())
        return {
            "row": [type(row).__name__, row.left, row.right],
            "greet": asyncio.run_coroutine_threadsafe(self.model.greet("Ada", loud=True), self.loop).result(),
            "to_sync": self.model.to_sync.greet(),
            "frame": self.model.table(pd.DataFrame({"a": [1], "b": [2]})).to_dict("list"),
            "image": [pixels.size, pixels.getpixel((0, 0))],
            "file": self.model.length(file),
            "open": self.model.open({"a": (1, {2})}) == {"a": (1, {2})},
        }

    @ekiben.on_startup
    async def note_loop(self) -> None:
        self.loop = asyncio.get_running_loop()

    def _image(self) -> Image:
        return new_image("RGB", (4, 2), (1, 2, 3))

    @ekiben.api
    async def gathered(self, n: int) -> list[list[float]]:
        found = await asyncio.gather(*(self.model.to_async.double(np.array([float(i)])) for i in range(n)))
        return [each.tolist() for each in found]

    @ekiben.api
    def threaded(self, n: int) -> list[list[float]]:
        with ThreadPoolExecutor(8) as pool:
            return [each.tolist() for each in pool.map(lambda i: self.model.double(np.array([float(i)])), range(n))]

    @ekiben.api
    def streamed(self, n: int) -> list[Any]:
        return [[type(row).__name__, row.left] for row in self.model.rows(n)]

    @ekiben.api
    async def streamed_async(self, n: int, broken: bool = False) -> list[Any]:
        found = []
        try:
            async for piece in self.model.arrays(n, broken=broken):
                found.append([piece["name"], int(piece["rows"].sum())])
        except InvalidInput as error:
            found.append(str(error))
        return found

    @ekiben.api
    async def streamed_by_faces(self, n: int) -> list[Any]:
        later = [row.left async for row in self.model.to_async.rows(n)]
        now = await asyncio.to_thread(lambda: [piece["name"] for piece in self.model.to_sync.arrays(n)])
        return [later, now]

    @ekiben.api
    def passed_on(self, n: int) -> Iterator[str]:
        for row in self.model.rows(n):
            yield f"{row.left} "

    @ekiben.api
    async def left_early(self, file: str) -> int:
        pieces = self.model.to_async.rows(10**9, file)
        async for row in pieces:
            if row.left == 2:
                break
        await asyncio.sleep(0.2)  # it goes on as far as it may
        await pieces.aclose()
        return int((FOLDER / file).read_text())

    @ekiben.api
    def fail(self, how: str) -> None:
        self.model.fail(how)

    @ekiben.api
    def caught(self) -> list[Any]:
        try:
            self.model.fail("theirs")
        except InvalidInput as error:
            return [type(error).__name__, error.status, str(error)]
        return []

    @ekiben.api
    async def blocking(self) -> str:
        return str(self.model.double(np.ones(1)))

    @ekiben.api
    def unknown(self) -> str:
        return str(self.model.helper())

    @ekiben.api
    def unsendable(self) -> str:
        return str(self.model.open(lambda: 1))

    @ekiben.api
    def left(self) -> float | None:
        return self.model.left()

    @ekiben.api(timeout=0.2)
    def late(self, name: str) -> str:
        return self.model.hold(name)

    @ekiben.api
    def hold(self, name: str) -> str:
        return self.model.hold(name)
