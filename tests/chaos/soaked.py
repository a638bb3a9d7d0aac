"""The service that the chaos tests torment; each answer can be told from the question."""

import asyncio
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ekiben


@ekiben.service(name="soaked", traffic={"timeout": 10, "max_concurrency": 200})
class Soaked:
    """One endpoint of each kind."""

    @ekiben.api
    def plain(self, number: int) -> int:
        """Answer in the model's thread."""
        return 3 * number + 1

    @ekiben.api(batchable=True, max_batch_size=32)
    def batched(self, rows: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Answer each row of a batch."""
        return rows.sum(axis=1) * 2

    @ekiben.api
    async def later(self, number: int) -> int:
        """Answer on the event loop, after a while."""
        await asyncio.sleep(0.005)
        return number + 7

    @ekiben.api
    def slow(self, number: int) -> int:
        """Keep the model's thread busy."""
        time.sleep(0.05)
        return -number

    @ekiben.api
    def upload(self, file: Path) -> int:
        """Read a file that came along."""
        return sum(file.read_bytes())
