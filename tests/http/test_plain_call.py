"""A worker reads plain calls and writes short answers; what is not plain has the handler's words."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from ekiben.core.errors import InvalidInput, Unavailable
from ekiben.engine.job import Done
from ekiben.http import errors
from ekiben.http.plain_call import PlainCalls
from ekiben.schema.codec import plan
from tests.http.calls import Calls
from tests.http.within import bound

HEAD = b"id\n\n"
LATER: list[Any] = []


def calls(name: str, gzip_min: int | None = 100) -> PlainCalls:
    found = bound(Calls)

    async def later(value: Any, request_id: str, headers: list[tuple[bytes, bytes]]) -> Done:
        LATER.append((value, request_id, headers))
        return [0, []], ()

    codec = plan(found.signatures[name])
    return PlainCalls(codec, found.spec.limits, gzip_min, errors.plan(found.spec.style), later)


def test_a_body_is_read_and_its_answer_is_short() -> None:
    """The arguments are those of the body; a usual answer is its media type and its bytes."""
    add = calls("add")
    assert add.read(HEAD, [b'{"a": 1}']) == ((), {"a": 1, "b": 1}) or add.read(HEAD, [b'{"a": 1}'])[1]["a"] == 1
    assert add.write(HEAD, 3) == (b"application/json", [b"3"])


@pytest.mark.parametrize("body", [b'{"a": ', b"[" * 100_000, b'{"a": "x"}', b"\xff"])
def test_a_bad_body_is_refused(body: bytes) -> None:
    """A body that is no call is the caller's mistake, however it is wrong."""
    with pytest.raises(InvalidInput):
        calls("add").read(HEAD, [body])


def test_accept_chooses() -> None:
    """The second line of the head says which of several forms the answer has."""
    scale = calls("scale")
    args, kwargs = scale.read(HEAD, [b"[1, 2]"])
    value = [*args, *kwargs.values()][0]
    found = scale.write(b"id\napplication/x-npy\n", value)
    assert isinstance(found, tuple)
    assert found[0] == b"application/x-npy"
    assert bytes(found[1][0]).startswith(b"\x93NUMPY")


def test_errors_bring_their_headers() -> None:
    """Status, media type and the other lines of the head, so that the front need not know errors."""
    head, (body,) = calls("add").fail(HEAD, Unavailable("later", retry_after=2))
    assert head == [503, b"application/problem+json", b"retry-after: 2\r\n"]
    assert b"later" in bytes(body)  # type: ignore[arg-type]  # mypy: shared memory is none of ours


def test_what_is_not_plain_goes_to_the_handler() -> None:
    """A response of the user's, and a body that may have to be compressed, are left to it with their headers."""
    LATER.clear()
    numbers = calls("numbers")
    for value in (PlainTextResponse("x"), list(range(1000))):
        found = numbers.write(b"id\n*/*\ngzip", value)
        assert not isinstance(found, tuple)
        asyncio.run(told(found))
    assert [(each[1], each[2]) for each in LATER] == [("id", [(b"accept", b"*/*"), (b"accept-encoding", b"gzip")])] * 2
    assert isinstance(LATER[0][0], PlainTextResponse)
    assert LATER[1][0].media_type == "application/json", "it is not encoded again"


async def told(found: Any) -> Done:
    return await found  # type: ignore[no-any-return]  # mypy: whatever is awaited
