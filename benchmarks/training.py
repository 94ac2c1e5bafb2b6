"""Training speed: `mien train cnn3` beside the same network written plainly in Keras, on the same pictures, in one run.

    pip install '.[bench]'
    python benchmarks/training.py FER2013_FOLDER     # made by `mien data import`

Each side trains in a process of its own, in turns, as its users would: all cores, batches of 64, Adam, each epoch with
its validation. The first epoch of each turn warms up and is not counted. Prints pictures of the training part a second
(validation's time included), and the ratio to Keras, the named peer.

Where the processor multiplies in bfloat16, mien trains in it unless told otherwise; Keras computes in float32 unless
told otherwise. So mien stands there twice: as its users get it, and in float32 as Keras.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mien.core.errors import DataError
from mien.training.data.table import open_dataset

EPOCHS, TURNS = 3, 2

PRECISIONS = {"bf16-mixed": "bfloat16", "32-true": "float32"}
"""What Lightning's words for a precision mean."""

Epochs = tuple[str, list[float]]
"""The precision that was computed in, and the seconds of each epoch."""


def train_with_mien(folder: Path, precision: str = "auto") -> Epochs:
    """Train by the shipped recipe."""
    from mien.training.fit.recipes import load_recipe
    from mien.training.fit.trainer import train

    with tempfile.TemporaryDirectory() as scratch:
        recipe = load_recipe("cnn3", {"epochs": EPOCHS, "precision": precision})
        run = train(recipe, folder, Path(scratch) / "run")
        return PRECISIONS[run.environment().precision], [record.seconds for record in run.history()]


def train_with_keras(folder: Path) -> Epochs:
    """Train the same network, written as in Keras's own examples."""
    import time

    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.seconds.append(time.perf_counter() - self.began)

    dataset, parts = open_dataset(folder), []
    for split in ("train", "validation"):
        rows = dataset.rows_of(split)
        labels = keras.utils.to_categorical(dataset.table["label"][rows], 7)
        parts.append((dataset.images[rows][..., None].astype("float32") / 255, labels))
    layers = [keras.Input((48, 48, 1))]
    for filters in (32, 64, 128):
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        layers += [keras.layers.MaxPooling2D(2), keras.layers.Dropout(0.25)]
    layers.append(keras.layers.Flatten())
    for units in (256, 128):
        layers += [keras.layers.Dense(units, activation="relu"), keras.layers.Dropout(0.5)]
    network = keras.Sequential([*layers, keras.layers.Dense(7, activation="softmax")])
    network.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    network.fit(*parts[0], batch_size=64, epochs=EPOCHS, validation_data=parts[1], callbacks=[clock], verbose=0)
    return keras.config.dtype_policy().compute_dtype, clock.seconds


SIDES: dict[str, Callable[[Path], Epochs]] = {
    "mien": train_with_mien,
    "mien-float32": partial(train_with_mien, precision="float32"),
    "keras": train_with_keras,
}


def main() -> None:
    """Compare all sides, or train with the one that is asked for."""
    parser = argparse.ArgumentParser(
        description="How fast cnn3 is trained: mien beside Keras.",
        epilog="First: mien data import fer2013.csv.xz --out fer2013",
    )
    parser.add_argument(
        "folder",
        metavar="FER2013_FOLDER",
        type=Path,
        help="made by `mien data import`; any with 48x48 gray pictures and seven labels will do",
    )
    parser.add_argument("--side", choices=SIDES, help="train with one of them, and print its precision and seconds")
    asked = parser.parse_args()
    missing = [package for package in ("torch", "tensorflow") if find_spec(package) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not installed. Run: pip install '.[bench]'")
    try:
        pictures = len(open_dataset(asked.folder).rows_of("train"))
    except DataError as error:
        parser.error(str(error))
    if asked.side:
        precision, epochs = SIDES[asked.side](asked.folder)
        print(precision, *epochs)
    else:
        compare(asked.folder, pictures)


def compare(folder: Path, pictures: int) -> None:
    """Let the sides take turns, and print.

    Args:
        folder: The data set's.
        pictures: Number of its training pictures.
    """
    precisions: dict[str, str] = {}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(TURNS):
        for side in SIDES:
            command = [sys.executable, __file__, str(folder), "--side", side]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            precisions[side], _, *counted = printed.split()[-EPOCHS - 1 :]
            seconds[side] += [float(value) for value in counted]
    rates = {side: pictures / float(np.median(values)) for side, values in seconds.items()}
    table = Table("cnn3 trained with", "computed in", "pictures/s", "an epoch", "ratio to keras")
    for side, rate in rates.items():
        table.add_row(
            side, precisions[side], f"{rate:,.0f}", f"{pictures / rate:.1f} s", f"{rate / rates['keras']:.2f}"
        )
    console = Console()
    console.print(table)
    console.print(
        "mien trains in bfloat16 where the processor has it, Keras in float32: each as its users get it by default. "
        "mien-float32 is mien told to compute in float32 too."
    )


if __name__ == "__main__":
    main()
