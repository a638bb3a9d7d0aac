"""Read streams: `python read_tokens.py http://localhost:3000`, with tokens.py served there."""

import asyncio
import sys

from ekiben import AsyncHTTPClient, SyncHTTPClient


def read(url: str) -> None:
    """Print words as they come."""
    with SyncHTTPClient(url) as writer:
        for word in writer.write(["one", "two"]):
            print(word, end="", flush=True)
    print()


async def chat(url: str) -> None:
    """Print events as they come."""
    async with AsyncHTTPClient(url) as writer:
        async for event in writer.chat("three four"):
            print(event.event, event.data)


if __name__ == "__main__":
    read(sys.argv[1])
    asyncio.run(chat(sys.argv[1]))
