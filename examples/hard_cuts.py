"""Does somebody else get a number where a video cuts? Photos are shown one after the other, and numbers counted.

Each photo stands for half a second, so every two shots have other people in them: a number in two shots is one too few.

    mien data import photos-with-annotations --out photos
    python examples/hard_cuts.py photos                 # or: ... photos --count 500
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cyclopts import run
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import track

import mien
from mien.inference.track.follower import Follower
from mien.inference.track.looks import sketch
from mien.inference.track.scenes import survey
from mien.training.data.faces.photos import open_photos

SIZE = 640, 480
FPS, FRAMES_A_SHOT = 10, 5


def main(data: Path, *, count: int = 200) -> None:
    """Print how many numbers stand for people of two shots or more, with the tracker told of the pictures and not.

    Args:
        data: What `mien data import` wrote of annotated photos.
        count: Photos of validation, evenly spread.
    """
    photos, recognizer = open_photos(data), mien.Recognizer.load(threads=1)
    rows = photos.rows_of("validation")
    followers = {"by faces alone": Follower(), "and by the picture": Follower()}
    shots: dict[str, dict[int, set[int]]] = {name: {} for name in followers}
    chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    for shot, row in enumerate(track(chosen, "watching", console=Console(stderr=True), transient=True)):
        frame = np.asarray(ImageOps.pad(Image.fromarray(photos.picture(row)), SIZE))
        cut = recognizer.cut(frame, name=f"shot {shot}")
        faces, looks = recognizer.describe([cut])[0].faces or (), [sketch(face.crop) for face in cut.faces]
        for name, follower in followers.items():
            scene = survey(frame) if name == "and by the picture" else None
            for step in range(FRAMES_A_SHOT):
                number = shot * FRAMES_A_SHOT + step
                seen = follower.follow(
                    faces, frame=number, time_s=number / FPS, width=SIZE[0], height=SIZE[1], looks=looks, scene=scene
                )
                for sighting in seen.sightings:
                    shots[name].setdefault(sighting.person, set()).add(shot)
    print(f"{len(chosen)} shots")
    for name, persons in shots.items():
        taken = sum(len(seen) - 1 for seen in persons.values())
        shared = sum(len(seen) > 1 for seen in persons.values())
        print(f"{name:20} {len(persons):6,} numbers, {shared:5,} of several shots, taken over {taken:,} times")


if __name__ == "__main__":
    run(main)
