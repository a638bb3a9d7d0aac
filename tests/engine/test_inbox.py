"""Calls that come together reach the threads together, each once and in their order."""

import asyncio

from ekiben.engine.inbox import Inbox
from ekiben.engine.messages import Call


def call(name: str) -> Call:
    return Call(name, (), {})


async def test_together() -> None:
    """Calls of one turn of the loop are handed over in the next one, in their order; later ones later."""
    seen: list[str] = []
    inbox = Inbox(lambda one: seen.append(one.endpoint), asyncio.get_running_loop())
    for name in "abc":
        inbox.put(call(name))
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["a", "b", "c"]
    inbox.put(call("d"))
    await asyncio.sleep(0)
    assert seen == ["a", "b", "c", "d"]


async def test_flush() -> None:
    """What has come can be handed over at once, and is not handed over twice."""
    seen: list[str] = []
    inbox = Inbox(lambda one: seen.append(one.endpoint), asyncio.get_running_loop())
    inbox.put(call("a"))
    inbox.flush()
    inbox.put(call("b"))
    inbox.flush()
    await asyncio.sleep(0)
    assert seen == ["a", "b"]
