"""Generators become endpoints that stream."""

from collections.abc import AsyncIterator, Iterator

import ekiben
from tests.services.test_endpoints import bound, logged


@ekiben.service
class Generators:
    """Streams of every kind, and one answer that is whole."""

    @ekiben.api(heartbeat=5)
    def hinted(self) -> Iterator[str]:
        return iter(["a"])

    @ekiben.api
    def unhinted(self):  # type: ignore[no-untyped-def]
        yield "a"

    @ekiben.api
    async def asynchronous(self) -> AsyncIterator[str]:
        yield "a"

    @ekiben.api
    @logged
    def wrapped(self):  # type: ignore[no-untyped-def]
        yield "a"

    @ekiben.api
    def whole(self) -> list[str]:
        return ["a"]


def test_what_streams() -> None:
    """A generator streams, hinted or not and behind a decorator, and so does what is hinted to give an iterator."""
    specs = {spec.name: spec for spec in bound(Generators).spec.endpoints}
    assert {name for name, spec in specs.items() if spec.stream} == set(specs) - {"whole"}
    assert (specs["hinted"].heartbeat, specs["unhinted"].heartbeat) == (5.0, None)


def test_a_service_reads_the_stream_of_another_one() -> None:
    """Through `depends()` in one process the caller gets the generator itself."""

    @ekiben.service
    class Loud:
        """Shouts what another one says."""

        inner = ekiben.depends(Generators)

        @ekiben.api
        def shout(self) -> Iterator[str]:
            for word in self.inner.hinted():
                yield word.upper()

        @ekiben.api
        async def shout_async(self) -> AsyncIterator[str]:
            async for word in self.inner.asynchronous():
                yield word.upper()

    with ekiben.testing.client(Loud) as client:
        assert list(client.shout()) == list(client.shout_async()) == ["A"]
