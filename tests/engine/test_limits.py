"""Calls are admitted, or refused at once with a time to come back."""

import asyncio

import pytest

from ekiben.core.errors import TooManyRequests, Unavailable
from ekiben.engine import limits
from ekiben.engine.limits import Admission


def test_limit_of_the_service() -> None:
    """The service's own limit is 429; one that leaves makes room."""
    admission = Admission(1)
    admission.enter()
    with pytest.raises(TooManyRequests, match=r"more than 1 calls at once \(`traffic.max_concurrency`\)"):
        admission.enter()
    admission.leave()
    admission.enter()


def test_every_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the service names no limit, there is one all the same, and it is 503."""
    monkeypatch.setattr(limits, "QUEUE", 2)
    admission = Admission(None)
    admission.enter()
    admission.enter()
    with pytest.raises(Unavailable, match="more than 2 calls are waiting") as caught:
        admission.enter()
    assert caught.value.retry_after == 1


async def test_draining() -> None:
    """Draining ends as soon as the last call has left, and lets none in."""
    admission = Admission(None)
    admission.enter()
    draining = asyncio.create_task(admission.drain(60))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="stopping"):
        admission.enter()
    assert not draining.done()
    admission.leave()
    assert await draining is True


@pytest.mark.parametrize(("inside", "expected"), [(0, True), (1, False)])
async def test_draining_has_an_end(inside: int, expected: bool) -> None:
    """Without calls draining takes no time; with one that stays, no longer than was given."""
    admission = Admission(None, inside=inside)
    assert await admission.drain(0.01) is expected


def test_when_to_come_back() -> None:
    """A call over a limit is told when those inside will have been answered, where that is known."""
    admission = Admission(1, soon=lambda: 7)
    admission.enter()
    with pytest.raises(TooManyRequests) as refused:
        admission.enter()
    assert refused.value.retry_after == 7
