"""Put the HDF5 model into the store, and print its tag."""

from pathlib import Path

import bentoml
from tensorflow import keras


def model_to_bento(model_file: Path) -> None:
    """Read a Keras model from a file and save it as `flower_model`."""
    model = keras.models.load_model(model_file)
    bento_model = bentoml.keras.save_model("flower_model", model)
    print(f"Bento model tag = {bento_model.tag}")


if __name__ == "__main__":
    model_to_bento(Path("flowers.h5"))
