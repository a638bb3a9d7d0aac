# Shows: submit, look, wait, fetch. 2026-11-21, written before the translator was read.
import asyncio
import sys
import time

import bentoml

client = bentoml.SyncHTTPClient(sys.argv[1])
task = client.report.submit(title="annual report", pages=7)
while task.get_status().value not in ("success", "failure", "completed", "failed"):
    time.sleep(0.05)
print(task.get())
print(client.report(title="at once"))
client.close()


async def main():
    async with bentoml.AsyncHTTPClient(sys.argv[1]) as client:
        task = await client.draw.submit(prompt="red", size=5)
        while (await task.get_status()).value == "in_progress":
            await asyncio.sleep(0.05)
        picture = await task.get()
        print(picture.size, picture.getpixel((0, 0)))


asyncio.run(main())
