"""Train and write the small Keras model that the guide in Spanish takes for granted: four features, three classes.

Beside it stands the same model as Keras 2 wrote such files, for `test_S003_04`.
"""

import json

import h5py
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris

MEASURES, KINDS = load_iris(return_X_y=True)
GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None}}
ZEROS = {"class_name": "Zeros", "config": {}}


def main() -> None:
    """Write `final_iris_model.h5` and `old_iris_model.h5`."""
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    # The guide's order of names is setosa, versicolor, virginica, as in the data set.
    model = tf.keras.Sequential([layers.Input((4,)), layers.Dense(4, "relu"), layers.Dense(3, "softmax")])
    model.compile(tf.keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(MEASURES, KINDS, epochs=80, batch_size=32, verbose=0)
    model.save("final_iris_model.h5")
    write_old(model, "old_iris_model.h5")
    _, accuracy = model.evaluate(MEASURES, KINDS, verbose=0)
    assert accuracy > 0.94, accuracy


def dense(name: str, units: int, activation: str) -> dict:
    """Describe a layer as Keras 2 did: types by their bare names, initializers with their classes."""
    config = {
        "name": name, "trainable": True, "dtype": "float32", "units": units, "activation": activation,
        "use_bias": True, "kernel_initializer": GLOROT, "bias_initializer": ZEROS,
        "kernel_regularizer": None, "bias_regularizer": None, "activity_regularizer": None,
        "kernel_constraint": None, "bias_constraint": None,
    }  # fmt: skip
    return {"class_name": "Dense", "config": config}


def write_old(model: "tf.keras.Model", path: str) -> None:
    """Write the weights in the HDF5 layout of Keras 2."""
    place = {
        "batch_input_shape": [None, 4],
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "dense_input",
    }
    layers = [{"class_name": "InputLayer", "config": place}, dense("dense", 4, "relu"), dense("dense_1", 3, "softmax")]
    described = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.11.0"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(described).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"dense", b"dense_1"])
        weights.attrs["keras_version"] = b"2.11.0"
        weights.attrs["backend"] = b"tensorflow"
        for name, layer in zip(("dense", "dense_1"), model.layers, strict=True):
            group = weights.create_group(name)
            parts = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.attrs["weight_names"] = np.array([part.encode() for part in parts])
            for part, values in zip(parts, layer.get_weights(), strict=True):
                group.create_dataset(part, data=values)


if __name__ == "__main__":
    main()
