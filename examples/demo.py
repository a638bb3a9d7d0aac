"""From a trained model to an answer over HTTP; run it with `make demo`.

Each step says what it does and which command does the same by hand.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from sklearn.datasets import load_iris
from sklearn.svm import SVC

import ekiben.sklearn

PORT = os.environ.get("PORT", "3000")
IS_COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


def step(number: int, words: str, by_hand: str) -> None:
    """Announce a step."""
    title = f"{number}. {words}"
    print(f"\n\033[1m{title}\033[0m" if IS_COLOURED else f"\n{title}")
    print(f"   by hand: {by_hand}", flush=True)


def check_port(port: str) -> int:
    """Leave with one clear line where the server could not listen; better now than after the training."""
    if not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit(f"error: PORT must be a number from 1 to 65535: {port!r}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            sys.exit(
                f"error: port {port} cannot be used: {error.strerror}\n\nhint: make demo PORT={int(port) % 65535 + 1}"
            )
    return int(port)


def ask(url: str, rows: list[list[float]]) -> str:
    """Send *rows*, and show request and answer as curl would."""
    body = json.dumps(rows).encode()
    print(f"   > POST {url}\n   > {body.decode()}")
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
        print(f"   < HTTP {answer.status} {answer.headers['content-type']}\n   < {text}", flush=True)
    return text


def wait_until_ready(server: "subprocess.Popen[bytes]", url: str) -> None:
    """Wait for `/readyz`; leave when the server does."""
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"the server stopped with code {server.returncode}")
        try:
            urllib.request.urlopen(url + "/readyz", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    sys.exit("the server was not ready within a minute")


def main() -> None:
    """Train, save, list, serve, ask."""
    port = check_port(PORT)
    step(1, "Train a classifier on the iris data", "model = SVC().fit(X, y)")
    features, species = load_iris(return_X_y=True)
    model = SVC().fit(features, species)
    print(f"   {model} is right for {model.score(features, species):.0%} of {len(features)} flowers")

    step(2, "Save it to the model store", 'ekiben.sklearn.save_model("iris", model, sample=X[:3])')
    saved = ekiben.sklearn.save_model("iris", model, sample=features[:3])
    print(f"   {saved!r}\n   {saved.path}")

    step(3, "Look at the store", "ekiben models list iris")
    subprocess.run([sys.executable, "-m", "ekiben", "models", "list", "iris"], check=True)

    step(4, "Serve it, without any code", f"ekiben serve iris:latest --port {port}")
    server = subprocess.Popen([sys.executable, "-m", "ekiben", "serve", "iris:latest", "--port", str(port)])
    try:
        url = f"http://localhost:{port}"
        wait_until_ready(server, url)
        step(5, "Ask it", f"curl {url}/predict -H 'content-type: application/json' -d '{json.dumps(ROWS)}'")
        answer = json.loads(ask(url + "/predict", ROWS))
        if len(answer) != len(ROWS):
            sys.exit(f"{len(ROWS)} rows were sent and {len(answer)} answers came")
        print(f"\nTry it in the browser: {url}/docs", flush=True)
        if os.environ.get("ONCE") != "1":
            print("Ctrl-C stops the server.", flush=True)
            server.wait()
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
