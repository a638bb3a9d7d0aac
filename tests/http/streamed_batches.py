"""A service with a stream and with batches, for tests over real sockets."""

from collections.abc import Iterator

import ekiben


@ekiben.service
class Both:
    """Streams and batches."""

    @ekiben.api
    def count(self, n: int) -> Iterator[str]:
        """Count."""
        for number in range(n):
            yield str(number)

    @ekiben.api(batchable=True)
    def double(self, x: list[int]) -> list[int]:
        """Double each."""
        return [2 * each for each in x]
