"""Serve each of the three, ask it the same, and measure how many requests a second it answers.

python ask.py                 # answers only
python ask.py --seconds 5     # and requests a second, 16 at a time
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

SERVICES = {
    "0.13": ("IrisClassifier:latest",),
    "1.0": ("service_1_0:svc", "--production"),
    "1.4": ("service_1_4:IrisClassifier",),
}
ROWS = b"[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]"
PATIENCE = 90.0  # seconds until a server answers


@contextmanager
def serving(words: tuple[str, ...]) -> Iterator[str]:
    """Run `bentoml serve` for the length of the block; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", *words, "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, "BENTOML_QUIET": "True"})
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def ask(url: str) -> list[int]:
    """Ask for two flowers, as soon as the server is there."""
    request = urllib.request.Request(url + "/classify", ROWS, {"Content-Type": "application/json"})
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except OSError:  # nobody listens yet, or 503: it loads its model
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def measure(url: str, seconds: float) -> float:
    """Count answers a second with `ekiben bench`, 16 requests at a time."""
    words = ["bench", url, "--endpoint", "classify", "--body", ROWS.decode(), "-c", "16", "--seconds", str(seconds)]
    command = [sys.executable, "-m", "ekiben", *words, "--output", "json", "--quiet"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    return report["rows"][0]["requests_per_second"]


def main() -> None:
    """Ask one after the other, so that none disturbs the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.0, help="of load for each service; 0 measures nothing")
    seconds = parser.parse_args().seconds
    for generation, words in SERVICES.items():
        with serving(words) as url:
            answer = ask(url)
            rate = f"{measure(url, seconds):8.0f} requests/s" if seconds else ""
            print(f"{generation:5} {answer} {rate}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
