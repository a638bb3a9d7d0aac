"""Judge the stored model by the pictures that it has not learned from.

In: the exported model, and the data sets that `prepare.py` made.
Out: `evaluation/metrics.json` and three drawings in `evaluation/plots`.
"""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import tensorflow as tf

import ekiben

matplotlib.use("agg")
from matplotlib import pyplot as plt

NAME = "planets_model"


def main() -> None:
    """Load, measure, draw."""
    if len(sys.argv) != 3:
        sys.exit("usage: python src/evaluate.py <model-folder> <prepared-folder>")
    folder, prepared = Path(sys.argv[1]), Path(sys.argv[2])
    plots = Path("evaluation/plots")
    plots.mkdir(parents=True, exist_ok=True)

    judge = tf.data.Dataset.load(str(prepared / "test"))
    labels = json.loads((prepared / "labels.json").read_text())
    try:
        ekiben.models.import_model(str(folder / f"{NAME}.bentomodel"))
    except ekiben.exceptions.AlreadyExists:
        print("this model is in the store already")
    model = ekiben.keras.load_model(NAME)

    loss, accuracy = model.evaluate(judge, verbose=2)
    Path("evaluation/metrics.json").write_text(json.dumps({"val_loss": loss, "val_acc": accuracy}))
    pictures = np.concatenate([batch for batch, _ in judge])
    truth = np.concatenate([classes for _, classes in judge])
    guesses = model.predict(pictures, verbose=0).argmax(axis=1)
    draw_history(json.loads((folder / "history.json").read_text()), plots / "training_history.png")
    draw_guesses(pictures[:10], truth[:10], guesses[:10], labels, plots / "pred_preview.png")
    draw_confusion(truth, guesses, labels, plots / "confusion_matrix.png")
    print(f"right in {accuracy:.1%} of {len(truth)} pictures, loss {loss:.3f}")


def draw_history(history: dict[str, list[float]], place: Path) -> None:
    """Draw the loss of every epoch, in training and on the held-out pictures."""
    figure, axis = plt.subplots(figsize=(8, 4), layout="tight")
    epochs = range(1, len(history["loss"]) + 1)
    axis.plot(epochs, history["loss"], label="training")
    axis.plot(epochs, history["val_loss"], label="held out")
    axis.set(title="Loss by epoch", xlabel="epoch", ylabel="loss")
    axis.legend()
    figure.savefig(place)


def draw_guesses(pictures: np.ndarray, truth: np.ndarray, guesses: np.ndarray, labels: list[str], place: Path) -> None:
    """Draw some pictures with what they are and what the model took them for."""
    figure, axes = plt.subplots(2, 5, figsize=(10, 5), layout="tight")
    for axis, picture, real, guess in zip(axes.flat, pictures, truth, guesses, strict=True):
        axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        colour = "green" if real == guess else "red"
        axis.set_title(f"{labels[real]}\ntaken for {labels[guess]}", color=colour)
        axis.set(xticks=[], yticks=[])
    figure.savefig(place)


def draw_confusion(truth: np.ndarray, guesses: np.ndarray, labels: list[str], place: Path) -> None:
    """Draw which classes are taken for which: rows are the truth, and add up to 1."""
    counts = np.zeros((len(labels), len(labels)))
    np.add.at(counts, (truth, guesses), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(6, 6), layout="tight")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(shares), strict=True):
        share = shares[row, column]
        axis.text(column, row, f"{share:.2f}", ha="center", va="center", color="white" if share > 0.5 else "black")
    axis.set_xticks(range(len(labels)), labels, rotation=90)
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="taken for", ylabel="is")
    figure.savefig(place)


if __name__ == "__main__":
    main()
