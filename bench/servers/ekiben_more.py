"""Ekiben's other services: a stream, and a pipeline of two."""

from collections.abc import Iterator

import model

import ekiben

predict_rows = model.load()


@ekiben.service(name="stream")
class Stream:
    """A stream of tokens."""

    @ekiben.api
    def tokens(self, prompt: str) -> Iterator[str]:
        """Give the tokens, one by one."""
        yield from model.TOKENS


@ekiben.service(name="second")
class Second:
    """The second half of a pipeline."""

    @ekiben.api
    def score(self, rows: list[list[float]]) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]


@ekiben.service(name="pipeline")
class Pipeline:
    """The first half: it checks, and asks the second."""

    second = ekiben.depends(Second)

    @ekiben.api
    async def predict(self, rows: list[list[float]], /) -> list[int]:
        """Have the rows predicted elsewhere."""
        return await self.second.to_async.score(rows)
