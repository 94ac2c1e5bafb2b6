from pathlib import Path

import numpy as np
import pytest

from mien.core.labels import EXPRESSIONS, FER_PLUS_COLUMNS
from mien.training.data.table import ROW, Dataset, Manifest, number_twins

VOTES_HEADER = ",".join(("Usage", "Image name", *FER_PLUS_COLUMNS))


@pytest.fixture
def make_dataset():
    """Return a function that makes a small data set in memory, one picture a (split, label, shade) triple."""

    def make(*rows, has_votes=False, channels=1, first_row=0, labels=EXPRESSIONS):
        table = np.zeros(len(rows), ROW)
        table["row"] = np.arange(first_row, first_row + len(rows))
        table["split"] = table["part"] = [split for split, _, _ in rows]
        table["label"] = [label for _, label, _ in rows]
        table["is_face"] = True
        shape = (len(rows), 4, 4) if channels == 1 else (len(rows), 4, 4, channels)
        images = np.zeros(shape, np.uint8)
        for image, (_, _, shade) in zip(images, rows, strict=True):
            image[...] = shade
            image[0, 0] = 255  # not flat
        table["twins"] = number_twins(images)
        manifest = Manifest(
            name="small",
            license="none",
            source="memory",
            labels=labels,
            has_votes=has_votes,
            split="official",
            sha256="0" * 64,
        )
        return Dataset(Path("memory"), manifest, table, images)

    return make


@pytest.fixture
def pixels_of():
    """Return a function that gives the `pixels` field of a 48x48 picture of noise, by its number."""

    def spell(number):
        noise = np.random.default_rng(number).integers(0, 256, 48 * 48)
        return " ".join(map(str, noise))

    return spell


@pytest.fixture
def fer2013_text(pixels_of):
    """Return a function that gives a small `fer2013.csv` by (label, part) pairs, its pictures all different."""

    def spell(*rows):
        lines = [f"{label},{pixels_of(number)},{part}" for number, (label, part) in enumerate(rows)]
        return "\n".join(["emotion,pixels,Usage", *lines]) + "\n"

    return spell


@pytest.fixture
def votes_text():
    """Return a function that gives a small `fer2013new.csv` by (part, image name, ten counts) triples."""

    def spell(*rows):
        lines = [",".join((part, name, *map(str, counts))) for part, name, counts in rows]
        return "\n".join([VOTES_HEADER, *lines]) + "\n"

    return spell
