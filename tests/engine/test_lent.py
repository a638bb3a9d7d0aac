"""What is lent is as ready as what runs, and neither started nor ended by those who borrow it."""

from collections.abc import Callable, Mapping
from typing import Any

from ekiben.engine.lent import Lent


class Running:
    """What its owner started."""

    is_ready = True

    def __init__(self) -> None:
        self.on_failure: Callable[[BaseException], None] = lambda error: None
        self.told: list[str] = []

    async def start(self) -> None:
        self.told.append("start")

    async def stop(self, drain: float = 0.0) -> None:
        self.told.append("stop")

    async def measure(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {"own": own}


async def test_lent() -> None:
    owned = Running()
    tell = owned.on_failure
    lent = Lent(owned)
    await lent.start()
    assert lent.is_ready
    owned.is_ready = False
    assert not lent.is_ready
    assert await lent.measure({"number": 1}) == {"own": {"number": 1}}
    lent.on_failure = lambda error: owned.told.append("failure")
    await lent.stop(1.0)
    assert (owned.told, owned.on_failure) == ([], tell)
