"""Use the guide's model where nothing of its training is at hand, and print as JSON what came of it.

In: the folder of unseen pictures. Out: facts for the cases of S000 and S004, one run of TensorFlow for all of them.
"""

import json
import sys
from pathlib import Path

import bentoml
import numpy as np
import tensorflow as tf
from PIL import Image

NAME = "celestial_bodies_classifier_model"


def main() -> None:
    """Print the facts."""
    pictures = sorted(Path(sys.argv[1]).iterdir())
    stored = bentoml.keras.get(NAME)
    preprocess, postprocess = stored.custom_objects["preprocess"], stored.custom_objects["postprocess"]
    model = stored.load_model()
    with Image.open(pictures[0]) as picture:
        batch = preprocess(picture)
        shapes = {mode: preprocess(picture.convert(mode)).shape for mode in ("RGB", "RGBA", "L", "P", "1")}
    logits = model.predict(batch, verbose=0)
    same = bentoml.keras.load_model(NAME)
    facts = {
        "sources": sorted(name for name in ("train", "utils", "utils.seed") if name in sys.modules),
        "shapes": shapes,
        "largest": float(batch.max()),
        "answer": postprocess(logits),
        "softmax": tf.nn.softmax(logits).numpy()[0].tolist(),
        "handle and function agree": bool(np.array_equal(logits, same.predict(batch, verbose=0))),
        "compiled": [type(same.optimizer).__name__, type(same.loss).__name__],
        "steps": int(same.optimizer.iterations),
    }
    facts |= compare_optimizers()
    print(json.dumps(facts))


def compare_optimizers() -> dict[str, object]:
    """Save a model with and without its optimizer, and train on from both."""
    tf.keras.utils.set_random_seed(1)
    inputs, targets = np.random.rand(64, 32, 32, 1), np.random.randint(0, 11, 64)
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((32, 32, 1)), layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(3), layers.Flatten(),
        layers.Dense(128, activation="relu"), layers.Dense(11),
    ])  # fmt: skip
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, targets, epochs=2, shuffle=False, verbose=0)
    saved = bentoml.keras.save_model("whole", model, include_optimizer=True, labels={"a": "b"}, metadata={"c": 1})
    bare = bentoml.keras.save_model("bare", model, include_optimizer=False)
    loaded = bentoml.keras.load_model(saved.tag)

    def train_on(one: object) -> float:
        return float(one.fit(inputs, targets, epochs=1, shuffle=False, verbose=0).history["loss"][0])

    return {
        "tag": str(saved.tag),
        "labels": dict(saved.info.labels),
        "metadata": dict(saved.info.metadata),
        "sizes": {
            one.tag.name: sum(f.stat().st_size for f in Path(one.path).rglob("*")) / 2**20 for one in (saved, bare)
        },
        "loss uninterrupted": train_on(model),
        "loss continued": train_on(loaded),
    }


if __name__ == "__main__":
    main()
