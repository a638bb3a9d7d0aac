"""Turn the raw pictures into two data sets, one to learn from and one to be judged by.

In: `RAW/<class>/*.jpg` and `prepare` in `params.yaml`.
Out: `PREPARED/train` and `PREPARED/test` (batches of 32, values of 0 to 1), `labels.json`, and a
preview in `plots/preview.png`.
"""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import tensorflow as tf
import yaml
from PIL import Image
from utils.seed import set_seed

matplotlib.use("agg")
from matplotlib import pyplot as plt

BATCH = 32


def main() -> None:
    """Read, shuffle, split and save."""
    if len(sys.argv) != 3:
        sys.exit("usage: python src/prepare.py <raw-folder> <prepared-folder>")
    raw, prepared = Path(sys.argv[1]), Path(sys.argv[2])
    params = yaml.safe_load(Path("params.yaml").read_text())["prepare"]
    set_seed(params["seed"])

    labels = sorted(folder.name for folder in raw.iterdir() if folder.is_dir())
    pictures, classes = read(raw, labels, tuple(params["image_size"]), "L" if params["grayscale"] else "RGB")
    order = np.random.permutation(len(pictures))
    held_out = round(len(pictures) * params["split"])
    save(pictures, classes, order[held_out:], prepared / "train")
    save(pictures, classes, order[:held_out], prepared / "test")
    (prepared / "labels.json").write_text(json.dumps(labels))
    preview(pictures[order[:10]], [labels[classes[i]] for i in order[:10]], prepared / "plots" / "preview.png")
    print(f"{len(order) - held_out} pictures to learn from, {held_out} held out, in {prepared}")


def read(raw: Path, labels: list[str], size: tuple[int, int], mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Read every picture: values (n, height, width, channels) of 0 to 1, and class numbers (n,)."""
    pictures, classes = [], []
    for number, label in enumerate(labels):
        for place in sorted((raw / label).glob("*.jpg")):
            with Image.open(place) as picture:
                pictures.append(np.asarray(picture.convert(mode).resize(size), dtype=np.float32) / 255.0)
            classes.append(number)
    values = np.stack(pictures)
    return values.reshape(*values.shape[:3], -1), np.array(classes, dtype=np.int32)


def save(pictures: np.ndarray, classes: np.ndarray, chosen: np.ndarray, folder: Path) -> None:
    """Save the chosen pictures in batches; they are in random order already."""
    tf.data.Dataset.from_tensor_slices((pictures[chosen], classes[chosen])).batch(BATCH).save(str(folder))


def preview(pictures: np.ndarray, names: list[str], place: Path) -> None:
    """Draw some pictures with their names."""
    figure, axes = plt.subplots(2, 5, figsize=(10, 5), layout="tight")
    for axis, picture, name in zip(axes.flat, pictures, names, strict=True):
        axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set(title=name, xticks=[], yticks=[])
    place.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(place)


if __name__ == "__main__":
    main()
