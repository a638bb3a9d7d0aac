"""What was packed comes out whole, however it is cut, and never more than is allowed."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import BodyTooLarge, InvalidInput
from ekiben.http.inflate import STEP, Inflater


def unpack(coding: str, chunks: list[bytes], limit: int = 10**9) -> bytes:
    inflater = Inflater(coding, limit)
    found = b"".join(piece for chunk in chunks for piece in inflater.feed(chunk))
    inflater.finish()
    return found


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 50))
def test_round_trip(members: list[bytes], step: int) -> None:
    """Members of gzip come out joined, cut anywhere."""
    packed = b"".join(gzip.compress(member) for member in members)
    assert unpack("gzip", [packed[at : at + step] for at in range(0, len(packed), step)]) == b"".join(members)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes(content: bytes, coding: str) -> None:
    """Bytes that were never packed are refused or unpacked, and nothing else happens."""
    with contextlib.suppress(InvalidInput):
        unpack(coding, [content])


@pytest.mark.parametrize("limit", [0, 1, STEP - 1, STEP, STEP * 3])
def test_a_bomb_costs_no_more_than_one_step(limit: int) -> None:
    """What unpacks to more than the limit is refused; at most one step over it was unpacked."""
    bomb = zlib.compress(b"\0" * (STEP * 50))
    given_out: list[int] = []
    with pytest.raises(BodyTooLarge):
        given_out.extend(len(piece) for piece in Inflater("deflate", limit).feed(bomb))
    assert sum(given_out) <= limit
