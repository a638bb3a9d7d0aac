"""Train the classifier and save it with the two functions that its callers need.

In: the data sets that `prepare.py` made, and `prepare` and `train` in `params.yaml`.
Out: a model in the store; the same model as one file, and how the training went, in `MODEL`.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import yaml
from keras import layers
from PIL.Image import Image
from utils.seed import set_seed

import ekiben

NAME = "planets_model"


def main() -> None:
    """Train, save to the store, export."""
    if len(sys.argv) != 3:
        sys.exit("usage: python src/train.py <prepared-folder> <model-folder>")
    prepared, folder = Path(sys.argv[1]), Path(sys.argv[2])
    params = yaml.safe_load(Path("params.yaml").read_text())
    size, gray = tuple(params["prepare"]["image_size"]), params["prepare"]["grayscale"]
    labels = json.loads((prepared / "labels.json").read_text())

    def preprocess(picture: Image) -> np.ndarray:
        """Turn a picture of any size and mode into a batch of one, values of 0 to 1."""
        values = np.asarray(picture.convert("L" if gray else "RGB").resize(size), dtype=np.float32) / 255.0
        return values.reshape(1, size[1], size[0], -1)

    def postprocess(logits: np.ndarray) -> dict:
        """Turn the first row of logits into the likeliest class and the probability of each."""
        odds = np.exp(logits[0].astype(np.float64) - logits[0].max())
        probabilities = (odds / odds.sum()).tolist()
        return {
            "prediction": labels[int(np.argmax(odds))],
            "probabilities": dict(zip(labels, probabilities, strict=True)),
        }

    set_seed(params["train"]["seed"])
    learn, judge = (tf.data.Dataset.load(str(prepared / part)) for part in ("train", "test"))
    model = build((*size, 1 if gray else 3), params["train"])
    model.summary()
    history = model.fit(
        learn, epochs=params["train"]["epochs"], validation_data=judge, shuffle=False, verbose=2
    ).history

    saved = ekiben.keras.save_model(
        NAME,
        model,
        include_optimizer=True,
        custom_objects={"preprocess": preprocess, "postprocess": postprocess},
        metadata={"val_accuracy": history["val_sparse_categorical_accuracy"][-1]},
    )
    folder.mkdir(parents=True, exist_ok=True)
    ekiben.models.export_model(saved.tag, str(folder / f"{NAME}.bentomodel"))
    (folder / "history.json").write_text(json.dumps(history))


def build(shape: tuple[int, int, int], params: dict) -> keras.Model:
    """Build and compile a small network: one convolution, two dense layers, logits."""
    model = keras.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(params["conv_size"], 3, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(params["dense_size"], activation="relu"),
            layers.Dense(params["output_classes"]),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(params["lr"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    return model


if __name__ == "__main__":
    main()
