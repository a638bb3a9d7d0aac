"""A call of another service is answered whatever its head says, and knows whose it is."""

from typing import Any

import pytest

import ekiben
from ekiben.core.running import running
from ekiben.engine.parcel import pack
from ekiben.engine.values import FORM, Valued, read_answer
from tests.engine.linked import linked


@ekiben.service
class Told:
    """Says whose request it answers."""

    @ekiben.api
    async def who(self, word: str, ctx: ekiben.Context) -> list[str]:
        """Give the id, by the context and as it is handed on."""
        return [word, ctx.request_id, running().request_id, *running().outgoing().values()]


async def test_a_call_knows_its_request() -> None:
    """Id and headers of the head are there for the code that answers, and for what that calls."""
    async with linked(Told) as found:
        valued = Valued(found.bound, found.workers[0])
        done = await valued.answer("who", [FORM, "r1", {"traceparent": "t"}], pack({"word": "a"}))
        assert read_answer(done, lambda value: value) == ["a", "r1", "r1", "t"]
        assert running().request_id == ""


@pytest.mark.parametrize("head", [[FORM], [FORM, 1, 2], [FORM, "r1", ["a"]], [FORM, "r1", {}, 5], None])
async def test_a_head_that_means_nothing_is_answered(head: Any) -> None:
    """Nonsense costs its call and nothing else: there is an answer, and the worker goes on."""
    async with linked(Told) as found:
        valued = Valued(found.bound, found.workers[0])
        answered, buffers = await valued.answer("who", head, pack({"word": "a"}))
        assert answered[:3] == ["error", "ServerError", 500]
        assert buffers == ()
        done = await valued.answer("who", [FORM, "", {}], pack({"word": "a"}))
        assert read_answer(done, lambda value: value) == ["a", "", ""]
