"""Ask a running service many things at once: `python ask_async.py`."""

import asyncio
import sys

import numpy as np

from ekiben import AsyncHTTPClient

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"


async def main() -> None:
    """Send ten calls, and wait for all of their answers."""
    async with AsyncHTTPClient(url) as lunch:
        answers = await asyncio.gather(*(lunch.scale(np.array([float(n)])) for n in range(10)))
        print(np.concatenate(answers))


asyncio.run(main())
