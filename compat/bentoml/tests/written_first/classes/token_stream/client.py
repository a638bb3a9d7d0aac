# Shows: streams through both clients. 2026-11-21, written before the translator was read.
import asyncio
import sys

import bentoml

with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    print("".join(client.tell(prompt="a", count=4)))
    print("".join(client.tell_slowly(prompt="abc")))


async def main():
    async with bentoml.AsyncHTTPClient(sys.argv[1]) as client:
        print("".join([piece async for piece in client.tell(prompt="b")]))
        print(await client.where())


asyncio.run(main())
