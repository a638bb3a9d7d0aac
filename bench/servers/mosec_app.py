"""mosec: a Rust front and one Python worker, plain or with batches."""

import model
from mosec import Server, Worker


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


if __name__ == "__main__":
    server = Server()
    if model.CASE.endswith("batched"):
        server.append_worker(Batched, num=1, max_batch_size=model.MAX_BATCH, max_wait_time=10)
    else:
        server.append_worker(Plain, num=1)
    server.run()
