"""What every peer serves, and what is sent to it: models, sums over arrays and images, a stream of words.

In: the name of a case, from the environment variable BENCH_CASE; the folder BENCH_MODELS. Out: plain functions.
`python bench/model.py` trains the models and writes the bodies into BENCH_MODELS.
"""

import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CASE = os.environ.get("BENCH_CASE", "noop")
KIND = CASE.partition("-")[0]  # iris-batched serves the model of iris
MAX_BATCH = 64
TOKENS = [f"tok{number:03} " for number in range(100)]
BOUNDARY = "bench-boundary"
Predict = Callable[[Any], Sequence[Any]]


def folder() -> Path:
    """Give the folder of models and bodies."""
    return Path(os.environ["BENCH_MODELS"])


def load() -> Predict:
    """Give the model of the case; where the case has none, one that answers 0 for each row."""
    if KIND not in ("iris", "mlp", "forest"):
        return lambda rows: [0] * len(rows)
    import joblib

    return joblib.load(folder() / f"{KIND}.joblib").predict


def mean_of(array: Any) -> float:
    """Give the mean of an array, which shows that all of it was read."""
    return float(array.mean())


def read_npy(body: bytes) -> Any:
    """Read a `.npy` file."""
    import numpy as np

    return np.load(io.BytesIO(body), allow_pickle=False)


def size_of(image: Any) -> list[int]:
    """Decode an image (bytes, or opened by Pillow), and give width and height."""
    from PIL import Image

    opened = Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image
    opened.load()
    return list(opened.size)


def form_of(field: str, name: str, media: str, content: bytes) -> bytes:
    """Put one file into a multipart form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return f"{head}Content-Type: {media}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def train(into: Path) -> None:
    """Train the three models."""
    import joblib
    from sklearn.datasets import load_breast_cancer, load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import scale
    from sklearn.svm import SVC

    joblib.dump(SVC().fit(*load_iris(return_X_y=True)), into / "iris.joblib")
    features, classes = load_breast_cancer(return_X_y=True)
    features = scale(features)
    joblib.dump(MLPClassifier((256, 256), random_state=0, max_iter=300).fit(features, classes), into / "mlp.joblib")
    joblib.dump(RandomForestClassifier(100, random_state=0).fit(features, classes), into / "forest.joblib")


def write_bodies(into: Path) -> None:
    """Write what the cases send."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import scale

    random = np.random.default_rng(0)
    row30 = [round(float(value), 4) for value in scale(load_breast_cancer().data)[0]]
    array = random.random((512, 512), dtype=np.float32)
    nested = [[float(f"{value:.8g}") for value in row] for row in array]
    npy, jpeg = io.BytesIO(), io.BytesIO()
    np.save(npy, array)
    small = Image.fromarray(random.integers(0, 255, (16, 16, 3), dtype=np.uint8))
    small.resize((256, 256), Image.Resampling.BICUBIC).save(jpeg, "JPEG", quality=88)
    bodies = {
        "row4.json": b"[[5.1,3.5,1.4,0.2]]",
        "row30.json": json.dumps([row30]).encode(),
        "array.json": json.dumps(nested).encode(),
        "array.npy": npy.getvalue(),
        "array.form": form_of("array", "a.npy", "application/octet-stream", npy.getvalue()),
        "image.jpg": jpeg.getvalue(),
        "image.form": form_of("image", "a.jpg", "image/jpeg", jpeg.getvalue()),
        "prompt.json": b'{"prompt":"hi"}',
    }
    for name in ("row4", "row30"):
        bodies[f"{name}-named.json"] = b'{"rows":' + bodies[f"{name}.json"] + b"}"
    v2 = {"name": "x", "datatype": "FP32"}
    bodies["row4-v2.json"] = json.dumps({"inputs": [{**v2, "shape": [1, 4], "data": [[5.1, 3.5, 1.4, 0.2]]}]}).encode()
    bodies["array-v2.json"] = json.dumps({"inputs": [{**v2, "shape": [512, 512], "data": nested}]}).encode()
    for name, content in bodies.items():
        (into / name).write_bytes(content)


if __name__ == "__main__":
    folder().mkdir(parents=True, exist_ok=True)
    train(folder())
    write_bodies(folder())
