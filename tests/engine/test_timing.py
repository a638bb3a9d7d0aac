"""Reading and writing are timed: slow ones each time, quick ones by one that stands for many."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

import ekiben
from ekiben.engine.timing import EVERY, CodecTimes, Spent, timed, watched, watched_async, watched_beside
from ekiben.schema.codec import Codec, plan
from ekiben.schema.content import Upload


def ticking(step: float) -> Callable[[], float]:
    """Make a clock that moves by *step* at each look."""

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += step

    return ticks().__next__


def test_slow_runs_are_each_timed() -> None:
    """What takes long is timed each time."""
    spent = Spent()
    call = watched(str, spent, ticking(0.5))
    assert [call(number) for number in range(5)] == ["0", "1", "2", "3", "4"]
    assert (spent.count, spent.seconds) == (5, 2.5)


def test_a_quick_run_stands_for_others() -> None:
    """What is as quick as a clock is timed once in a while, and what it took is taken for the others."""
    spent = Spent()
    call = watched(str, spent, ticking(1e-6))
    for number in range(1 + 2 * EVERY):
        call(number)
    assert spent.count == 1 + 2 * EVERY
    assert spent.seconds == pytest.approx((1 + 2 * EVERY) * 1e-6)


def test_refused_values_count() -> None:
    """A value that raises is counted like any other, and its error goes on."""
    spent = Spent()
    call = watched(int, spent, ticking(1.0))
    with pytest.raises(ValueError, match="invalid literal"):
        call("x")
    assert spent.count == 1


def test_no_run_on_threads_is_lost() -> None:
    """What runs on several threads at once is counted to the last."""
    spent = Spent()
    gate = threading.Barrier(4)

    def work(_: int) -> None:
        if gate.n_waiting < 4:
            gate.wait(10)

    call = watched_beside(work, spent)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(40)))
    assert spent.count == 40
    assert spent.seconds > 0


async def test_async_runs() -> None:
    """What is awaited is timed to its end: slow runs each, quick ones by one that stands for many."""

    async def echo(value: int) -> int:
        return value

    slow, quick = Spent(), Spent()
    call = watched_async(echo, slow, ticking(0.5))
    assert [await call(number) for number in range(3)] == [0, 1, 2]
    assert (slow.count, slow.seconds) == (3, 1.5)
    call = watched_async(echo, quick, ticking(1e-6))
    for number in range(1 + 2 * EVERY):
        await call(number)
    assert quick.count == 1 + 2 * EVERY


async def test_async_runs_side_by_side() -> None:
    """Runs that wait at the same time are all counted."""
    gate = asyncio.Event()

    async def wait(_: int) -> None:
        await gate.wait()

    spent = Spent()
    call = watched_async(wait, spent, ticking(0.5))
    running = [asyncio.ensure_future(call(number)) for number in range(5)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*running)
    assert spent.count == 5


@ekiben.service
class Pictures:
    """Endpoints of each way to read and write."""

    @ekiben.api
    def add(self, a: int) -> int:
        return a

    @ekiben.api
    def draw(self, side: int) -> Image.Image:
        return Image.new("RGB", (side, side))

    @ekiben.api
    def width(self, image: Image.Image, /) -> int:
        return image.width


def timed_codec(name: str) -> tuple[Codec, CodecTimes]:
    times = CodecTimes()
    return timed(plan(Pictures.__ekiben_service__().signatures[name]), times), times  # type: ignore[attr-defined]


def test_every_way_is_timed() -> None:
    """Bodies of JSON, forms and raw bytes are counted as read, every form of an answer as written."""
    codec, times = timed_codec("add")
    codec.from_json(b'{"a": 1}')
    assert (times.decode.count, times.encode.count) == (1, 0)
    assert codec.encode(3).body == b"3"
    assert times.encode.count == 1

    codec, times = timed_codec("draw")
    picture = codec.encode(Image.new("RGB", (2, 2))).body
    codec.encoder_for("image/jpeg")(Image.new("RGB", (2, 2)))
    codec.from_fields([("side", "4")])
    assert (times.decode.count, times.encode.count) == (1, 2)

    codec, times = timed_codec("width")
    (image,), _ = codec.from_raw(Upload(picture, "image/png"))
    assert image.width == 2
    assert times.decode.count == 1
    assert times.decode.seconds > 0
