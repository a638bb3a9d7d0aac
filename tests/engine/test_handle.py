"""A call of a service in another process has the time of the call that it is made for."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

import ekiben
from ekiben.core.deadline import within
from ekiben.core.errors import DeadlineExceeded
from ekiben.engine.handle import GRACE, Far
from ekiben.engine.job import Done
from ekiben.engine.parcel import pack
from ekiben.engine.values import FINE
from ekiben.engine.wire import Buffer


@ekiben.service
class Other:
    """Is somewhere else."""

    @ekiben.api
    async def answer(self, word: str) -> str:
        """Give it back."""
        return word


def far(sent: list[float | None]) -> Far:
    """Make a handle whose calls are noted, with what they have left."""

    async def send(service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None) -> Done:
        sent.append(deadline)
        return [FINE], pack("there")

    bound = Other.__ekiben_service__()  # type: ignore[attr-defined]  # the decorator adds it
    return Far(bound, send, asyncio.get_running_loop())


async def test_the_running_call_ends_first() -> None:
    """What is called has a moment more than the caller, whose own limit is so the one that a 504 names."""
    sent: list[float | None] = []
    end = time.monotonic() + 60
    with within(end):
        assert await far(sent).answer("a") == "there"
    (deadline,) = sent
    assert deadline is not None
    assert end + GRACE / 2 < deadline < end + 10


async def test_no_limit_and_no_time() -> None:
    """A call without a limit passes none on; one whose time is up makes no other."""
    sent: list[float | None] = []
    assert await far(sent).answer("a") == "there"
    assert sent == [None]
    with within(time.monotonic() - 1), pytest.raises(DeadlineExceeded, match="no time left"):
        await far(sent).answer("a")
    assert sent == [None]
