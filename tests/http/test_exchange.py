"""A request id is made cheaply and never twice, or taken over where it is sane; the answer's head bears it."""

import subprocess
import sys
from typing import Any

import pytest

from ekiben.http.exchange import Exchange, new_id


def test_ids_differ() -> None:
    """Ten thousand ids of two processes differ."""
    code = "from ekiben.http.exchange import new_id; print(*[new_id() for _ in range(5000)])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert len({*other.stdout.split(), *(new_id() for _ in range(5000))}) == 10_000


@pytest.mark.parametrize("given", [b"a", b"a-b_c.d:e/f+g=h@i", b"x" * 128])
def test_sane_ids_are_taken_over(given: bytes) -> None:
    assert exchange([(b"x-request-id", given)]).request_id == given.decode()


@pytest.mark.parametrize("given", [b"", b"a b", b"a\r\nb", b"x" * 129, b"\xff", b'"'])
def test_other_ids_are_not(given: bytes) -> None:
    assert exchange([(b"x-request-id", given)]).request_id != given.decode("latin-1")


async def test_what_was_sent_is_noted() -> None:
    """Status, type and size are those of the answer; its headers are not changed in place."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    one = Exchange({"headers": []}, send, b"x-id")
    mine = [(b"content-type", b"text/plain")]
    await one.send({"type": "http.response.start", "status": 201, "headers": mine})
    await one.send({"type": "http.response.body", "body": b"abc", "more_body": True})
    await one.send({"type": "http.response.body", "body": b"de"})
    assert (one.status, one.media_type, one.length) == (201, b"text/plain", 5)
    assert sent[0]["headers"][-1] == (b"x-id", one.request_id.encode())
    assert len(mine) == 1


def exchange(headers: list[tuple[bytes, bytes]]) -> Exchange:
    async def send(message: Any) -> None:
        """Nothing is sent."""

    return Exchange({"headers": headers}, send, b"x-request-id")
