"""A service can be tested without a socket, with everything that `ekiben serve` does around a call."""

import socket

import numpy as np
import pytest

import ekiben
import ekiben.testing
from ekiben.core.errors import ConfigError, InvalidInput, ServiceLoadError
from ekiben.testing import async_client, client


class Diary:
    """What happened, in order."""

    events: list[str] = []  # noqa: RUF012 - emptied by each test


@ekiben.service
class Kitchen:
    """Notes its life."""

    def __init__(self) -> None:
        Diary.events.append("made")

    @ekiben.on_startup
    def open(self) -> None:
        Diary.events.append("opened")

    @ekiben.on_shutdown
    async def shut(self) -> None:
        Diary.events.append("shut")

    @ekiben.api
    def double(self, x: np.ndarray) -> np.ndarray:
        return x * 2


@ekiben.service
class Burnt:
    """Cannot start."""

    def __init__(self) -> None:
        raise ZeroDivisionError("the oven is off")

    @ekiben.api
    def eat(self) -> str:
        return ""


@pytest.fixture(autouse=True)
def _empty_diary() -> None:
    Diary.events.clear()


@pytest.fixture
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, *_: object) -> None:
        raise AssertionError(f"a socket connects: {self}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("_no_sockets")
def test_plain_client() -> None:
    """Calls, errors and pages are those of a server, hooks run around them, and no socket is used."""
    with client(Kitchen) as kitchen:
        np.testing.assert_array_equal(kitchen.double(np.array([1, 2])), [2, 4])
        with pytest.raises(InvalidInput, match=r"x\[0\]"):
            kitchen.double(["one"])
        assert kitchen.is_ready()
        assert kitchen.request("GET", "/docs.json").json()["info"]["title"] == "Kitchen"
        assert Diary.events == ["made", "opened"]
    assert Diary.events == ["made", "opened", "shut"]


@pytest.mark.usefixtures("_no_sockets")
async def test_async_client() -> None:
    """The same on the running loop."""
    async with async_client(Kitchen) as kitchen:
        np.testing.assert_array_equal(await kitchen.double(np.array([1, 2])), [2, 4])
        with pytest.raises(InvalidInput, match=r"x\[0\]"):
            await kitchen.double(["one"])
    assert Diary.events == ["made", "opened", "shut"]


async def test_plain_client_within_a_running_loop() -> None:
    """The plain client works where a loop runs already, as in a notebook."""
    with client(Kitchen) as kitchen:
        assert kitchen.double([1]).tolist() == [2]


def test_a_service_that_cannot_start() -> None:
    """The test gets the service's own error, with its traceback."""
    with pytest.raises(ZeroDivisionError, match="the oven is off"), client(Burnt):
        pytest.fail("it started")


async def test_a_service_that_cannot_start_on_the_loop() -> None:
    """The async client raises the service's own error too."""
    with pytest.raises(ZeroDivisionError, match="the oven is off"):
        async with async_client(Burnt):
            pytest.fail("it started")


def test_the_service_ends_after_a_failed_test() -> None:
    """An exception in the block passes, and the service is shut down."""

    def fail() -> None:
        with client(Kitchen):
            raise KeyError("the test failed")

    with pytest.raises(KeyError, match="the test failed"):
        fail()
    assert Diary.events[-1] == "shut"


def test_a_stored_model() -> None:
    """A stored model is tested by its tag, like a service."""
    from sklearn.linear_model import LinearRegression

    import ekiben.sklearn

    x = np.array([[0.0], [1.0]])
    ekiben.sklearn.save_model("line", LinearRegression().fit(x, [1.0, 3.0]), sample=x)
    with client("line:latest") as line:
        np.testing.assert_allclose(line.predict(np.array([[2.0]])), [5.0])


def test_no_service() -> None:
    """What is no service is said to be none."""
    with pytest.raises(ServiceLoadError), client(3):
        pytest.fail("it started")


def test_public_names() -> None:
    """`ekiben.testing` offers both."""
    assert (ekiben.testing.client, ekiben.testing.async_client) == (client, async_client)


def test_several() -> None:
    """Of several services the client is of the one that is named."""
    with ekiben.testing.client({"a": Kitchen, "b": Kitchen}, service="b") as client:
        assert client.double([1]).tolist() == [2]
        assert client.url.endswith("/b")
    with pytest.raises(ConfigError, match="`service` must name one"), ekiben.testing.client([Kitchen]):
        pytest.fail("nobody was named")


async def test_several_async() -> None:
    """The same on the running loop."""
    async with ekiben.testing.async_client([Kitchen], service="Kitchen") as client:
        assert (await client.double([1])).tolist() == [2]
