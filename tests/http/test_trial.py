"""A service takes calls in the place of another only if its sample passes and it says that it is ready."""

import asyncio
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ServiceLoadError
from ekiben.engine.local import LocalDispatcher
from ekiben.http.trial import try_out
from ekiben.schema.codec import plan
from ekiben.services.load import load
from tests.engine.running import running


class Odd:
    """A model that a test spoils after it was saved."""

    is_broken = False

    def predict(self, rows: Any) -> list[int]:
        if Odd.is_broken:
            raise ZeroDivisionError("no rows")
        return [1] * len(rows)


def service(says: list[Any]) -> Any:
    """Make a service that says this of itself, one after the other, and the last for ever."""

    @ekiben.service
    class Fit:
        def __is_ready__(self) -> bool:
            found = says.pop(0) if len(says) > 1 else says[0]
            if isinstance(found, Exception):
                raise found
            return bool(found)

        @ekiben.api
        def one(self) -> int:
            return 1

    return Fit


async def tried(cls: Any, patience: float) -> None:
    async with running(cls) as dispatcher:
        await try_out(dispatcher, dispatcher.bound.hooks, patience)


@pytest.mark.parametrize(
    "says",
    [[True], [False, False, True], [RuntimeError("not yet"), True]],
    ids=["at once", "in the end", "after errors"],
)
async def test_ready(says: list[Any]) -> None:
    """It passes as soon as its own method says yes."""
    await tried(service(says), 60.0)
    assert says == [True]


async def test_a_service_that_says_nothing() -> None:
    """Without a method of its own there is nothing to wait for."""

    @ekiben.service
    class Quiet:
        pass

    await tried(Quiet, 60.0)


@pytest.mark.parametrize("says", [[False], [RuntimeError("never")]], ids=["no", "an error"])
async def test_not_ready(says: list[Any]) -> None:
    """A service that does not say yes in its time fails."""
    with pytest.raises(ServiceLoadError, match=r"`__is_ready__` did not say within 0\.3 seconds that it is ready"):
        await tried(service(says), 0.3)


async def test_a_method_that_hangs() -> None:
    """A method that does not even answer does not hold up the trial."""
    asked = asyncio.Event()

    @ekiben.service
    class Hangs:
        async def __is_ready__(self) -> bool:
            asked.set()
            await asyncio.Event().wait()
            return True

    with pytest.raises(ServiceLoadError, match="did not say within"):
        await tried(Hangs, 0.3)
    assert asked.is_set()


async def test_the_stored_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that fails with its stored sample speaks against the service, with the model's words."""
    ekiben.picklable_model.save_model("odd", Odd(), signatures=["predict"], sample=[[1.0]])
    bound = load("odd")
    codecs = {name: plan(signature) for name, signature in bound.signatures.items()}
    for is_broken in (False, True):
        monkeypatch.setattr(Odd, "is_broken", is_broken)
        dispatcher = LocalDispatcher(bound, codecs)
        await dispatcher.start()
        try:
            if is_broken:
                with pytest.raises(ServiceLoadError, match=r"pass `odd\.predict`: ZeroDivisionError: no rows"):
                    await try_out(dispatcher, bound.hooks, 60.0)
            else:
                await try_out(dispatcher, bound.hooks, 60.0)
        finally:
            await dispatcher.stop()
