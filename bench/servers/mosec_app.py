"""mosec: a Rust front and Python workers, plain or with batches."""

import json

import model
from mosec import Server, SSEWorker, Worker


class Plain(Worker):
    """Predict the rows of one request."""

    def __init__(self) -> None:
        super().__init__()
        self.predict_rows = model.load()

    def forward(self, data: list[list[float]]) -> list[int]:
        """Predict each row."""
        return [int(label) for label in self.predict_rows(data)]


class Batched(Plain):
    """Predict the rows of many requests at once."""

    def forward(self, data: list[list[list[float]]]) -> list[list[int]]:
        """Join, predict, take apart."""
        labels = iter(self.predict_rows([row for rows in data for row in rows]))
        return [[int(next(labels)) for _ in rows] for rows in data]


class First(Worker):
    """The first half of a pipeline: it hands the rows on."""

    def forward(self, data: list[list[float]]) -> list[list[float]]:
        """Give what came."""
        return data


class Array(Worker):
    """Give the mean of an array, as JSON or `.npy`."""

    def deserialize(self, data: bytes):
        """Read the body."""
        import numpy as np

        return np.asarray(json.loads(data), np.float32) if data[:1] == b"[" else model.read_npy(data)

    def forward(self, data) -> float:
        """Give the mean."""
        return model.mean_of(data)


class Image(Worker):
    """Decode a bare JPEG."""

    def deserialize(self, data: bytes) -> bytes:
        """Give the body as it is, but as `bytes`."""
        return bytes(data)

    def forward(self, data: bytes) -> list[int]:
        """Give width and height."""
        return model.size_of(data)


class Stream(SSEWorker):
    """Stream the tokens."""

    def forward(self, data: dict) -> dict:
        """Send one event a token."""
        for token in model.TOKENS:
            self.send_stream_event(token, index=0)
        return data


if __name__ == "__main__":
    server = Server()
    if model.CASE.endswith("batched"):
        server.append_worker(Batched, num=1, max_batch_size=model.MAX_BATCH, max_wait_time=10)
    elif model.CASE == "pipeline":
        server.append_worker(First, num=1)
        server.append_worker(Plain, num=1)
    elif model.CASE == "stream":
        server.append_worker(Stream, num=1, max_batch_size=1)
    else:
        server.append_worker({"array": Array, "image": Image}.get(model.KIND, Plain), num=1)
    server.run()
