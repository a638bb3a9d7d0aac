"""LitServe as its documentation starts it: one worker, access log on."""

import sys

import litserve
import model


class Bench(litserve.LitAPI):
    """Work on one request, or on a batch."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.predict_rows = model.load()

    def decode_request(self, request):
        """Give the part of the request that counts."""
        if isinstance(request, list):
            return request
        return request.get("image") or request.get("array") or request

    def predict(self, given):
        """Work on what `decode_request` gave; with batching, on a list of them."""
        import numpy as np

        if model.CASE.endswith("batched"):
            labels = iter(self.predict_rows([row for rows in given for row in rows]))
            return [[int(next(labels)) for _ in rows] for rows in given]
        if model.CASE == "array-json":
            return model.mean_of(np.asarray(given, np.float32))
        if model.CASE == "array-binary":
            return model.mean_of(model.read_npy(given.file.read()))
        if model.CASE == "image":
            return model.size_of(given.file.read())
        return [int(label) for label in self.predict_rows(given)]

    def encode_response(self, output):
        """Give the answer as it is."""
        return output


class Stream(Bench):
    """Stream the tokens."""

    def predict(self, given):
        """Give them one by one."""
        yield from model.TOKENS

    def encode_response(self, output):
        """Give each as it is."""
        yield from output


if __name__ == "__main__":
    if model.CASE == "stream":
        api = Stream(stream=True)
    elif model.CASE.endswith("batched"):
        api = Bench(max_batch_size=model.MAX_BATCH, batch_timeout=0.01)
    else:
        api = Bench()
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
