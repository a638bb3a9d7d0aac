"""A server of another program: it counts, and knows nothing of Ekiben."""

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Counter(BaseHTTPRequestHandler):
    """Answers every path with how often it was asked."""

    count = 0

    def do_GET(self) -> None:
        """Count one more."""
        Counter.count += 1
        body = f"{self.path} is request {Counter.count}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Counter).serve_forever()
