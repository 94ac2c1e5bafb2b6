from pathlib import Path

import numpy as np
import pytest

from mien.training.data.faces.photos import FACE, PHOTO, PhotoManifest, PhotoSet


@pytest.fixture(scope="session")
def make_photos():
    """`make_photos((pixels, faces), ...)` returns a set in memory, all of it for training.

    A face is annotated as in `annotations.jsonl`, or is a box alone.
    """

    def make(*pairs):
        photos, faces = np.zeros(len(pairs), PHOTO), []
        for row, (photo, (pixels, annotated)) in enumerate(zip(photos, pairs, strict=True)):
            photos[row] = (0, pixels.shape[1], pixels.shape[0], 0, len(faces), len(annotated))
            photo["start"] = sum(pixels.size for pixels, _ in pairs[:row])
            for face in annotated:
                known = face if isinstance(face, dict) else {"box": face, "landmarks": None}
                landmarks = np.full((5, 2), np.nan) if known["landmarks"] is None else known["landmarks"]
                faces.append((tuple(known["box"]), landmarks))
        manifest = PhotoManifest(name="small", license="none", source="memory", split="none", seed=0, sha256="0" * 64)
        pixels = np.concatenate([pixels.reshape(-1) for pixels, _ in pairs])
        return PhotoSet(Path("memory"), manifest, photos, np.array(faces, FACE), pixels)

    return make
