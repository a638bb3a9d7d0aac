# Shows: a server started from Python, and its client. 2026-11-21, written before the translator was read.
import socket

import bentoml

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    free = probe.getsockname()[1]

if __name__ == "__main__":
    server = bentoml.HTTPServer("service:svc", port=free, host="127.0.0.1", production=False)
    with server.start():
        client = server.get_client()
        print(client.hello("Eve"))
