"""Training speed: `mien train cnn3` beside the same network written plainly in Keras, on the same pictures, in one run.

    pip install '.[bench]'
    python benchmarks/training.py FER2013_FOLDER     # made by `mien data import`

Each side trains in a process of its own, in turns, as its users would: all cores, batches of 64, Adam, each epoch with
its validation. The first epoch of each turn warms up and is not counted. Prints pictures of the training part a second
(validation's time included), and the ratio to Keras, the named peer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mien.training.data.table import open_dataset

EPOCHS, TURNS = 3, 2


def train_with_mien(folder: Path) -> list[float]:
    """Return the seconds of each epoch of the shipped recipe."""
    from mien.training.fit.recipe import load_recipe
    from mien.training.fit.trainer import train

    with tempfile.TemporaryDirectory() as scratch:
        run = train(load_recipe("cnn3", {"epochs": EPOCHS}), folder, Path(scratch) / "run")
        return [record.seconds for record in run.history()]


def train_with_keras(folder: Path) -> list[float]:
    """Return the seconds of each epoch of the same network, written as in Keras's own examples."""
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
    return clock.seconds


SIDES = {"mien": train_with_mien, "keras": train_with_keras}


def main() -> None:
    """Let the two take turns, and print."""
    folder = Path(sys.argv[1])
    if len(sys.argv) == 3:
        print(*SIDES[sys.argv[2]](folder))
        return
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(TURNS):
        for side in SIDES:
            command = [sys.executable, __file__, str(folder), side]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            seconds[side] += [float(value) for value in printed.split()][-EPOCHS + 1 :]
    pictures = len(open_dataset(folder).rows_of("train"))
    rates = {side: pictures / float(np.median(values)) for side, values in seconds.items()}
    table = Table("cnn3 trained with", "pictures/s", "an epoch", "ratio to keras")
    for side, rate in rates.items():
        table.add_row(side, f"{rate:,.0f}", f"{pictures / rate:.1f} s", f"{rate / rates['keras']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
