"""A front whose workers stand apart answers in its fast lane what one process answers, byte for byte."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekiben.core.errors import Unavailable
from ekiben.engine.messages import Call
from ekiben.engine.wire import Shared as Memory
from ekiben.http.exchange import Outcome
from ekiben.http.fast import Inside, Shared
from ekiben.http.metrics import Tally
from ekiben.http.relay import Relay, Relayed
from ekiben.schema.codec import plan
from tests.http.calls import Calls
from tests.http.lanes import ANSWER, Lane, comparable, lane, request
from tests.http.test_lanes import BEGUN, CLOSE, FAST, LAST, LEFT, MANY, SMALL, UNREAD

pytestmark = pytest.mark.slow

FRONTS = {  # begun in the fast lane, and refused by the front itself, or an answer that has no usual head
    "a deadline that is none",
    "a late deadline of a file",
    "a plain response",
}
WORKERS = {"a form without a boundary"}  # left to the app in one process, and here to a worker


@pytest.fixture(scope="module")
def lanes() -> Iterator[tuple[Lane, Lane, Lane]]:
    with (
        lane(Calls, "asgi", limits=SMALL) as one,
        lane(Calls, "asgi", apart=1, limits=SMALL) as asgi,
        lane(Calls, "fast", apart=2, limits=SMALL) as fast,
    ):
        yield one, asgi, fast


@pytest.mark.parametrize("name", [*FAST, *BEGUN, *LEFT, *UNREAD])
def test_the_same_answer(lanes: tuple[Lane, Lane, Lane], name: str) -> None:
    """Status, headers with their order, and body are those of one process; the app sees only what it must."""
    one, asgi, fast = lanes
    asked = {**FAST, **BEGUN, **LEFT, **UNREAD}[name]
    told = comparable(one.say(asked))
    assert comparable(asgi.say(asked)) == told
    fast.counting.scopes.clear()
    answer = fast.say(asked)
    assert comparable(answer) == told
    assert len(ANSWER.findall(answer)) == 1 + (name == "after 100-continue")
    assert bool(fast.counting.paths) is (name in LEFT.keys() - WORKERS or name in FRONTS)
    for each in lanes:
        each.wait_until_empty()


@given(
    chosen=st.lists(st.sampled_from(MANY), max_size=12),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    pause=st.sampled_from([0.0, 0.0, 0.002]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence(lanes: tuple[Lane, Lane, Lane], chosen: list[bytes], cuts: list[float], pause: float) -> None:
    """Requests sent one behind the other, cut anywhere, have the same answers in the same order."""
    whole = b"".join([*chosen, LAST])
    places = sorted(int(cut * len(whole)) for cut in cuts)
    pieces = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
    told, answer = (comparable(each.say(*pieces, pause=pause)) for each in (lanes[0], lanes[2]))
    assert answer == told


def test_many_at_once(lanes: tuple[Lane, Lane, Lane]) -> None:
    """Thousands of requests sent at once, half of them wrong, are answered in their order."""
    pieces = [request(body=b'{"a": %d}' % n if n % 2 else b"{}") for n in range(1000)]
    answers = ANSWER.split(lanes[2].say(*pieces, LAST))[1:]
    assert len(answers) == 1001
    for number, answer in enumerate(answers[:-1]):
        body = answer.partition(b"\r\n\r\n")[2]
        assert body == b"%d" % (number + 1) if number % 2 else b"a: is required" in body


def test_a_client_that_leaves(lanes: tuple[Lane, Lane, Lane]) -> None:
    """Whoever sends half a request, or hangs up before the answer, leaves nothing inside."""
    asked = request("/scale", b"[" + b"1.5," * 50_000 + b"1]", accept="application/x-npy", **CLOSE)
    for size in (20, len(asked) // 2, len(asked)):
        for _ in range(10):
            with lanes[2].connect() as client:
                client.sendall(asked[:size])
    lanes[2].wait_until_empty()
    assert lanes[2].say(FAST["plain"]).endswith(b"\r\n2")


class Gate:
    """A door that notes who is inside."""

    def __init__(self) -> None:
        self.inside: list[Call] = []

    def enter(self, call: Call) -> None:
        """Let it in."""
        self.inside.append(call)

    def leave(self, call: Call) -> None:
        """Let it out, once."""
        self.inside.remove(call)


class Held:
    """A connection that notes what is left to the app."""

    def __init__(self) -> None:
        self.server_state = SimpleNamespace(default_headers=[])
        self.diverted: list[Outcome] = []

    def divert(self, cycle: Any, outcome: Outcome) -> None:
        """Note it."""
        self.diverted.append(outcome)


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param((None, ()), id="nothing"),
        pytest.param((b"application/json", ()), id="a head without a body"),
        pytest.param(([200, b"text/plain"], [b""]), id="a head of another form"),
        pytest.param(([200, b"text/plain", b""], [Memory(-1, 5)]), id="memory that cannot be read"),
    ],
)
def test_an_answer_that_cannot_be_sent(answered: Any) -> None:
    """What goes wrong with one answer is told by the app, and ends neither the next ones nor the call's stay inside."""
    bound = Calls.__ekiben_service__()  # type: ignore[attr-defined]  # the decorator adds it
    endpoint, gate, connection = bound.spec.endpoints[0], Gate(), Held()
    shared = Shared(lambda name: gate, bound.spec.limits, None, b"x-request-id", Inside(), None, False, Relayed)
    route = Relay(endpoint, "/there", plan(bound.signatures[endpoint.name]), Tally(()), shared)
    cycle = Relayed(connection, route, {}, {}, keep_alive=True)  # type: ignore[arg-type]  # as much as it is asked for
    cycle.start()
    assert len(gate.inside) == 1
    cycle.set_result(answered)
    assert gate.inside == []
    assert cycle.done()
    (outcome,) = connection.diverted
    if len(answered[0] or ()) == 2:
        assert outcome.value() == answered
    else:
        with pytest.raises((TypeError, IndexError, OSError, ValueError)):
            outcome.value()
    assert not isinstance(outcome.reply.error, Unavailable)
