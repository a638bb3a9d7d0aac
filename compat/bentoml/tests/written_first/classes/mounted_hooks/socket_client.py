# Shows: a WebSocket of the mounted app. 2026-11-21, written before the translator was read.
import sys

from websockets.sync.client import connect

with connect(sys.argv[1].replace("http", "ws") + "/v1/echo", proxy=None) as socket:
    socket.send("hey")
    print(socket.recv())
