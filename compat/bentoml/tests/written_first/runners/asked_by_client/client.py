# Shows: the mixed, the sync and the async client. 2026-11-21, written before the translator was read.
import asyncio
import sys

import numpy as np
from bentoml.client import AsyncClient, Client, SyncClient

url = sys.argv[1]
host, port = url.removeprefix("http://").split(":")
Client.wait_until_server_ready(host, int(port), timeout=30)

client = Client.from_url(url)
print(client.area(np.array([[2.0, 3.0], [1.0, 1.5]])).tolist())
print(client.describe({"kind": "square", "sides": [1, 1, 1, 1]}))
print(client.call("hello", "Ada"))
print(asyncio.run(client.async_describe({"kind": "dot", "sides": []})))

sync_client = SyncClient.from_url(url)
print(sync_client.hello("Bob"), sync_client.health().status_code)


async def ask():
    async_client = await AsyncClient.from_url(url)
    return await async_client.area(np.array([[3.0, 3.0]]))


print(asyncio.run(ask()).tolist())
