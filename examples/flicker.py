"""How much do labels flicker on a still face, and what does smoothing cost? Films of one picture each are read.

A face of the validation part is filmed: its crop jitters and wanders by parts of a pixel and a percent of its size, the
light flickers, and the sensor is noisy. Nothing changes in the face, so each change of its label is a mistake. Then
films are spliced, so that one face turns into another with another label: how long does the old label stay? Faces whose
two likeliest labels lie within 0.1 have a line of their own, for they flicker most.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/flicker.py fer2013                      # or: ... --time-constant-s 0.3 --margin 0.1 --dwell-s 0
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import numpy as np
from cyclopts import run
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

import mien
from mien.apps.report.caution import print_cautions
from mien.inference.track.smoothing import Smoother, SmoothingSettings
from mien.training.data.table import open_dataset, spread

DEFAULTS = SmoothingSettings()

AMBIGUOUS = 0.1
"""Lead of the likeliest label over the next, under which a face is ambiguous."""

LOOKED_AT = 10
"""Faces to look at for each one that is filmed, to find enough ambiguous ones."""

SENSOR_NOISE = 4.0  # standard deviation, of 255, in a crop of 48 pixels
JITTER_PX, WANDER_PX = 0.5, 0.5  # standard deviations; a detector's box jitters by about 1% of its size
JITTER_SCALE, WANDER_SCALE = 0.01, 0.01
WANDER_S = 1.0
LIGHT_NOISE, LIGHT_BEAT, BEAT_HZ = 0.02, 0.03, 1.3  # the mains against the shutter
MARGIN_PX = 6


class Film(NamedTuple):
    """A still face, read frame by frame: (T, K) probabilities, and whether its picture is ambiguous."""

    probabilities: NDArray[np.float32]
    is_ambiguous: bool


def main(
    data: Path,
    *,
    model: str = "expression",
    count: int = 20,
    seconds: float = 10.0,
    fps: float = 25.0,
    seed: int = 0,
    time_constant_s: float = DEFAULTS.time_constant_s,
    margin: float = DEFAULTS.margin,
    dwell_s: float = DEFAULTS.dwell_s,
    return_margin: float = DEFAULTS.return_margin,
    return_s: float = DEFAULTS.return_s,
) -> None:
    """Print a Markdown table.

    Args:
        data: What `mien data import` wrote.
        model: Tells the expressions.
        count: Faces to film, half of them ambiguous where there are enough.
        seconds: Length of a film.
        fps: Frames a second.
        seed: Of the noise.
        time_constant_s: Of the smoothing.
        margin: Of the smoothing.
        dwell_s: Of the smoothing.
        return_margin: Of the smoothing.
        return_s: Of the smoothing.
    """
    settings = SmoothingSettings(
        time_constant_s=time_constant_s,
        margin=margin,
        dwell_s=dwell_s,
        return_margin=return_margin,
        return_s=return_s,
    )
    dataset, recognizer = open_dataset(data), mien.Recognizer.load(model)
    print_cautions(recognizer.card.data, dataset.manifest)
    rows = dataset.some_rows_of("validation", LOOKED_AT * count)
    likeliest = np.sort(recognizer.classify(dataset.images[rows]), axis=1)
    is_ambiguous = likeliest[:, -1] - likeliest[:, -2] < AMBIGUOUS
    few = spread(rows[is_ambiguous], count // 2)
    chosen = [*((row, True) for row in few), *((row, False) for row in spread(rows[~is_ambiguous], count - len(few)))]
    random = np.random.default_rng(seed)
    films = []
    for row, ambiguous in track(chosen, "filming, reading", console=Console(stderr=True), transient=True):
        frames = film_face(dataset.images[row], random, round(seconds * fps), fps)
        films.append(Film(recognizer.classify(frames), ambiguous))
    print_table(films, recognizer.labels, fps, settings)


def film_face(crop: NDArray[np.uint8], random: np.random.Generator, frames: int, fps: float) -> NDArray[np.uint8]:
    """Return (frames, S, S) or (frames, S, S, 3) uint8: a still face before a camera.

    Args:
        crop: (S, S) or (S, S, 3) uint8.
        random: Source of all noise.
        frames: How many.
        fps: Frames a second.
    """
    size_px, around = crop.shape[0], [(MARGIN_PX, MARGIN_PX)] * 2 + [(0, 0)] * (crop.ndim - 2)
    wide = Image.fromarray(np.pad(crop, around, mode="edge"))
    across, down = (wander(random, frames, fps, WANDER_PX) + random.normal(0, JITTER_PX, frames) for _ in range(2))
    scale = np.exp(wander(random, frames, fps, WANDER_SCALE) + random.normal(0, JITTER_SCALE, frames))
    phase = 2 * np.pi * (BEAT_HZ * np.arange(frames) / fps + random.uniform())
    light = 1 + random.normal(0, LIGHT_NOISE, frames) + LIGHT_BEAT * np.sin(phase)
    film = np.empty((frames, *crop.shape), np.uint8)
    for number, (x, y, zoom, gain) in enumerate(zip(across, down, scale, light, strict=True)):
        corner = MARGIN_PX + size_px / 2 * (1 - zoom)
        view = (zoom, 0, corner + x, 0, zoom, corner + y)
        moved = wide.transform((size_px, size_px), Image.Transform.AFFINE, view, Image.Resampling.BICUBIC)
        noise = random.normal(0, SENSOR_NOISE, crop.shape)
        film[number] = np.clip(np.rint(gain * np.asarray(moved) + noise), 0, 255)
    return film


def wander(random: np.random.Generator, frames: int, fps: float, sd: float) -> NDArray[np.float64]:
    """Return (frames,) values that drift about 0 and forget where they were within `WANDER_S`."""
    kept = np.exp(-1 / (fps * WANDER_S))
    values = random.standard_normal(frames)
    for number in range(1, frames):
        values[number] = kept * values[number - 1] + np.sqrt(1 - kept**2) * values[number]
    return sd * values


def read_labels(
    probabilities: NDArray[np.float32], labels: tuple[str, ...], fps: float, settings: SmoothingSettings | None
) -> list[str]:
    """Return a label a frame."""
    smoother = Smoother(settings)
    rows = (dict(zip(labels, row, strict=True)) for row in probabilities.tolist())
    return [smoother.update(1, row, number / fps)[1] for number, row in enumerate(rows)]


def count_changes(labels: list[str]) -> int:
    """Return how often a label differs from the one before."""
    return sum(one != other for one, other in pairwise(labels))


def find_delays_ms(films: list[Film], labels: tuple[str, ...], fps: float, settings: SmoothingSettings) -> list[float]:
    """Let each film turn into the next of another label, and tell when the old label is gone.

    Returns:
        Milliseconds from the first changed frame to the first without the old face's label, for each pair whose labels
        differ in the mean of their frames. Infinite where it stays, as it may where it is nearly as likely of the new
        face as the new label is.
    """
    delays = []
    names = [labels[int(film.probabilities.mean(axis=0).argmax())] for film in films]
    for (one, before), (other, after) in pairwise(zip(films, names, strict=True)):
        if before != after:
            spliced = np.concatenate([one.probabilities, other.probabilities])
            shown = read_labels(spliced, labels, fps, settings)[len(one.probabilities) :]
            delays.append(next((1000 * number / fps for number, label in enumerate(shown) if label != before), np.inf))
    return delays


def print_table(films: list[Film], labels: tuple[str, ...], fps: float, settings: SmoothingSettings) -> None:
    """Print a line for ambiguous faces and one for the others."""
    print(f"{settings}, {len(films[0].probabilities) / fps:g} s at {fps:g} frames a second\n")
    print("| faces | n | changes before, mean | most | changes after, mean | most | delay ms, median | most |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, is_ambiguous in (("ambiguous", True), ("others", False)):
        some = [film for film in films if film.is_ambiguous == is_ambiguous]
        if not some:
            continue
        before = [count_changes(read_labels(film.probabilities, labels, fps, None)) for film in some]
        after = [count_changes(read_labels(film.probabilities, labels, fps, settings)) for film in some]
        delays = find_delays_ms(some, labels, fps, settings)
        delay = f"{median(delays):.0f} | {max(delays):.0f}" if delays else "- | -"
        counts = " | ".join(f"{mean(changes):.1f} | {max(changes)}" for changes in (before, after))
        print(f"| {name} | {len(some)} | {counts} | {delay} |")


if __name__ == "__main__":
    run(main)
