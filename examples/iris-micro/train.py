"""Train a small network on the iris flowers and write it as HDF5, as an earlier project would have left it."""

from pathlib import Path

import keras
from sklearn.datasets import load_iris

HERE = Path(__file__).parent


def train() -> keras.Model:
    """Give a network of one hidden layer, trained until it names the flowers well."""
    keras.utils.set_random_seed(7)
    flowers, species = load_iris(return_X_y=True)
    layers = [keras.Input((4,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(flowers, species, epochs=60, batch_size=32, verbose=0)
    return model


if __name__ == "__main__":
    train().save(HERE / "flowers.h5")
