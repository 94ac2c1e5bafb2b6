import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.labels import EXPRESSIONS, FER_PLUS_COLUMNS
from mien.training.data.manifest import Manifest
from mien.training.data.table import ROW, Dataset, number_twins

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


@pytest.fixture(scope="session")
def two_headed(voted_faces, tmp_path_factory):
    """Return a finished run of a network with a second head for votes, trained once."""
    pytest.importorskip("torch", reason="training needs the train extra")
    from mien.training.data.sections import Augment
    from mien.training.fit.recipes import make_recipe
    from mien.training.fit.trainer import train

    still = dict.fromkeys(Augment.model_fields, 0.0)
    recipe = {
        **{"network": "vgg-bn", "options": {"width": 8, "dropout": 0.0}, "epochs": 20, "batch_size": 16, "ema": 0.9},
        **{"seed": 3, "augment": still, "optimizer": {"name": "adam", "lr": 0.003}, "votes": {"weight": 1.0}},
    }
    return train(make_recipe(recipe), voted_faces, tmp_path_factory.mktemp("runs") / "two-headed")


@pytest.fixture
def write_pictures(tmp_path):
    """Return a function that writes picture files by path, into a folder or a .zip; gives the path back.

    A picture is given by the number of its noise, by an array, or by the file's bytes; a path that ends with `/` is an
    empty folder.
    """

    def write(name, pictures):
        files = {path: encode(path, picture) for path, picture in pictures.items()}
        target = tmp_path / name
        if target.suffix == ".zip":
            with zipfile.ZipFile(target, "w") as archive:
                for path, data in files.items():
                    archive.writestr(path, data)
            return target
        for path, data in files.items():
            if path.endswith("/"):
                (target / path).mkdir(parents=True, exist_ok=True)
            else:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(data)
        return target

    def encode(path, picture):
        if isinstance(picture, bytes):
            return picture
        if path.endswith("/"):
            return b""
        pixels = make_noise(picture) if isinstance(picture, int) else picture
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, Image.registered_extensions()[Path(path).suffix.lower()])
        return buffer.getvalue()

    return write


def make_noise(number):
    return np.random.default_rng(number).integers(0, 256, (48, 48), dtype=np.uint8)


@pytest.fixture
def noise():
    """Return a function that gives a 48x48 picture of noise by its number: the one that `pixels_of` spells."""
    return make_noise


@pytest.fixture
def pixels_of():
    """Return a function that gives the `pixels` field of a 48x48 picture of noise, by its number."""

    def spell(number):
        return " ".join(map(str, make_noise(number).ravel()))

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
