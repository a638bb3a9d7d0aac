"""What a service has in place of one at an address: sync, async, both faces, with or without its class."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import ekiben
from ekiben.engine.afar import Afar, Clients
from ekiben.services.load import load
from tests.servers import Running, serving

pytestmark = pytest.mark.slow


class Word(BaseModel):
    """A word and its length."""

    text: str
    size: int


@ekiben.service
class Words:
    """Is asked from elsewhere."""

    @ekiben.api
    def measure(self, text: str) -> Word:
        """Give a record."""
        return Word(text=text, size=len(text))

    @ekiben.api(name="twice")
    async def doubled(self, x: np.ndarray) -> np.ndarray:
        """Double, under another name."""
        return x * 2

    @ekiben.api
    def letters(self, text: str) -> Iterator[str]:
        """Give pieces."""
        yield from text

    @ekiben.api
    async def later(self, text: str) -> AsyncIterator[str]:
        """Give pieces, as a coroutine's kin."""
        for letter in text:
            yield letter

    @ekiben.api
    def close(self) -> str:
        """Have a name that clients have themselves."""
        return "closed"

    @ekiben.api
    def refuse(self) -> str:
        """Raise."""
        raise ekiben.exceptions.InvalidInput("not that")

    @ekiben.task
    def job(self, n: int) -> int:
        """Take long."""
        return n + 1


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(f"{Path(__file__)}:Words", cwd=Path(__file__).parents[2]) as running:
        yield running


@pytest.fixture
def clients(server: Running) -> Iterator[Clients]:
    found = Clients(server.url)
    found.guard()
    yield found
    found.close()


@pytest.fixture
def bare(clients: Clients) -> Afar:
    return clients.handle


@pytest.fixture
def known(server: Running) -> Iterator[Any]:
    found = Clients(server.url, bound=load(Words))
    found.guard()
    yield found.handle
    asyncio.run(found.leave())
    found.close()


def test_plain_code(bare: Afar) -> None:
    """Plain code has methods that wait, by either face, and errors as they were raised."""
    assert bare.measure("abc") == {"text": "abc", "size": 3}
    assert bare.to_sync.measure(text="abcd")["size"] == 4
    assert bare.twice(np.ones(2)).tolist() == [2.0, 2.0]
    assert list(bare.letters("xy")) == ["x", "y"]
    assert bare.job.submit(3).get(timeout=60) == 4
    assert bare.is_ready()
    with pytest.raises(ekiben.exceptions.InvalidInput, match="not that"):
        bare.refuse()
    with pytest.raises(AttributeError, match=r"has no endpoint `measur`: did you mean `measure`\?"):
        _ = bare.measur
    with pytest.raises(TypeError, match="name the endpoint"):
        bare(1)


async def test_coroutines(clients: Clients) -> None:
    """By `to_async` calls of one loop run side by side, and streams come by `async for`."""
    bare = clients.handle
    found = await asyncio.gather(*(bare.to_async.measure("a" * n) for n in range(1, 20)))
    assert [each["size"] for each in found] == list(range(1, 20))
    assert [piece async for piece in bare.to_async.letters("xy")] == ["x", "y"]
    with pytest.raises(ekiben.exceptions.InvalidInput, match="not that"):
        await bare.to_async.refuse()
    task = await bare.to_async.job.submit(3)
    assert await task.get(timeout=60) == 4
    assert await (await bare.to_async.job.task(task.id)).get(timeout=60) == 4
    await clients.leave()


async def test_nothing_waits_on_the_loop(bare: Afar) -> None:
    """A plain call is refused on the event loop, with what to write; from a thread it may wait."""
    with pytest.raises(RuntimeError, match=r"write `await self.….to_async.measure\(…\)`"):
        bare.measure("abc")
    with pytest.raises(RuntimeError, match="cannot be waited for on the event loop"):
        bare.job.submit(3)
    assert await asyncio.to_thread(bare.measure, "abc") == {"text": "abc", "size": 3}


async def test_while_the_instance_is_made(server: Running) -> None:
    """`__init__`, which cannot await, may wait on the loop."""
    found = Clients(server.url)
    assert found.handle.measure("abc")["size"] == 3
    found.close()


async def test_a_known_class(server: Running) -> None:
    """Where the class is here too, its methods are called as it has them, and give what its hints say."""
    clients = Clients(server.url, bound=load(Words))
    clients.guard()
    known = clients.handle
    assert await asyncio.to_thread(known.measure, "abc") == Word(text="abc", size=3)
    assert await known.to_async.measure(text="abc") == Word(text="abc", size=3)
    assert (await known.doubled(np.ones(2))).tolist() == [2.0, 2.0]
    assert (await asyncio.to_thread(known.to_sync.doubled, np.ones(2))).tolist() == [2.0, 2.0]
    assert [piece async for piece in known.later("xy")] == ["x", "y"]
    assert [piece async for piece in known.to_async.letters("xy")] == ["x", "y"]
    with pytest.raises(RuntimeError, match=r"to_async\.measure"):
        known.measure("abc")
    await clients.leave()
    clients.close()


def test_a_name_that_clients_have(known: Afar) -> None:
    """An endpoint whose name a client has itself is called by the name in its class."""
    assert known.to_sync.close() == "closed"


CODE = """
import asyncio
import ekiben
from pydantic import BaseModel


class Word(BaseModel):
    text: str
    size: int


@ekiben.service
class Words:
    @ekiben.api
    def measure(self, text: str) -> Word:
        return Word(text=text, size=len(text))

    @ekiben.api
    async def shout(self, text: str) -> str:
        return text.upper()


@ekiben.service
class Book:
    words = ekiben.depends(Words)

    @ekiben.api
    def plain(self, text: str) -> int:
        return self.words.measure(text).size

    @ekiben.api
    async def many(self, texts: list[str]) -> list[int]:
        found = await asyncio.gather(*(self.words.to_async.measure(each) for each in texts))
        return [each.size for each in found]

    @ekiben.api
    async def loud(self, text: str) -> str:
        return await self.words.shout(text)

    @ekiben.task
    async def job(self, text: str) -> str:
        return await self.words.shout(text)
"""


@pytest.mark.parametrize("options", [(), ("--layout", "apart"), ("--development",)], ids=lambda each: each[-1:] or "")
def test_the_same_code_apart_and_together(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Whether a dependency runs here or at an address, the same code has the same answers."""
    (tmp_path / "book.py").write_text(CODE)

    def told(*words: str) -> list[Any]:
        with serving("book:Book", *options, *words, cwd=tmp_path) as book:
            asks = [("plain", {"text": "abc"}), ("many", {"texts": ["a", "bb"]}), ("loud", {"text": "a"})]
            found = [book.http.post(f"/{path}", json=body).json() for path, body in asks[:2]]
            found += [book.http.post(f"/{path}", json=body).text for path, body in [asks[2], ("job", {"text": "b"})]]
            assert "Traceback" not in book.log
        return found

    with serving("book:Book", "--only", "Words", cwd=tmp_path) as words:
        assert told("--depends", f"Words={words.url}") == told() == [3, [1, 2], "A", "B"]


@pytest.mark.parametrize("layout", ["inline", "apart"])
def test_readiness(tmp_path: Path, layout: str) -> None:
    """Whoever depends on what is at an address is ready only while that is, in whatever process it asks."""
    (tmp_path / "book.py").write_text(CODE)
    with serving("book:Book", "--only", "Words", cwd=tmp_path) as words:
        options = ("--depends", f"Words={words.url}", "--layout", layout)
        with serving("book:Book", *options, cwd=tmp_path) as book:
            assert book.http.get("/readyz").status_code == 200
            words.process.terminate()
            words.process.wait(60)
            assert book.http.get("/readyz").status_code == 503
            assert book.http.get("/livez").status_code == 200
            answer = book.http.post("/plain", json={"text": "a"})
            assert (answer.status_code, "cannot reach http://127.0.0.1" in answer.json()["error"]) == (503, True)


SLOW = """
import time
import ekiben


@ekiben.service(traffic={"timeout": None})
class Slow:
    @ekiben.api
    def nap(self, seconds: float) -> str:
        time.sleep(seconds)
        return "rested"
"""


def test_no_limit_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call without a limit waits for one at an address for as long as that takes, not for a client's 30 s."""
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.setattr("ekiben.client.base.FIRST", 5.0)
    with serving("slow:Slow", cwd=tmp_path) as slow:
        clients = Clients(slow.url)
        assert clients.plain.timeout is None
        before = time.monotonic()
        assert clients.handle.nap(6.5) == "rested"  # longer than httpx waits by itself
        assert time.monotonic() - before > 6
        clients.close()


def test_loops_that_are_over() -> None:
    """Clients of event loops that ended are let go: plain code may run a new loop for each call."""
    clients = Clients("http://127.0.0.1:9")

    async def ask() -> int:
        with pytest.raises(ekiben.exceptions.Unavailable):
            await clients.handle.to_async.measure(text="a")
        return len(clients._of_loops)

    assert [asyncio.run(ask()) for _ in range(3)] == [1, 1, 1]
    clients.close()
