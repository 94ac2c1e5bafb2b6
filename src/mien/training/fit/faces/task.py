"""A recipe for a detector joined with annotated photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from mien.core.atomic import write_text
from mien.training.data.faces.batches import SceneBatches, WholePhotos
from mien.training.data.faces.photos import open_photos
from mien.training.fit.faces.beginning import begin_detector
from mien.training.fit.faces.module import FaceModule, PhotoSearch
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.faces.threshold import find_threshold
from mien.training.fit.history import Record
from mien.training.fit.notes import Threshold, TrainedOn
from mien.training.fit.processes import Processes
from mien.training.fit.restore import restore_network
from mien.training.fit.run import Run
from mien.training.fit.task import Origin

MOST_FALSE_FACES = 0.05
"""False faces a held-out photo that the shipped threshold lets through: half of what we promise for photos at large."""


class FaceTask:
    """Photos in, faces with landmarks out."""

    def __init__(self, recipe: FaceRecipe, data: Path) -> None:
        """Open the data. See `open_task`."""
        self.recipe = recipe
        self.photos = open_photos(data)
        manifest = self.photos.manifest
        self.trained_on = TrainedOn(
            name=manifest.name,
            license=manifest.license,
            sha256=manifest.sha256,
            labels=("face",),
            channels=3,
            size_px=0,
        )

    def load(self, device: torch.device, processes: Processes) -> None:
        """Make sure that the photos are what was imported; they are read as they are drawn. See `Task`."""
        self.photos.verify()
        self._batches = SceneBatches(
            self.photos,
            self.recipe.batch_size,
            seed=self.recipe.seed,
            scenes=self.recipe.scenes,
            weather=self.recipe.weather,
            threads=max(1, (os.cpu_count() or 1) // processes.local_count),
            device=device,
            rank=processes.rank,
            processes=processes.count,
        )
        self._validation = WholePhotos(self.photos, self.photos.rows_of("validation"), device)

    def begin(self, run: Run) -> tuple[FaceModule, dict[Path, Origin]]:
        """Build the network with drawn weights, or those of another run. See `Task`."""
        network, taken = begin_detector(run, self.recipe)
        origins: dict[Path, Origin] = {run.init_path: taken} if taken else {}
        return FaceModule(network, self.recipe, self.photos, len(self._batches)), origins

    def notes(self) -> list[str]:
        """Return what a person should know before it starts."""
        return []

    def batches(self) -> SceneBatches:
        """Return the training photos as drawn scenes."""
        return self._batches

    def validation(self) -> WholePhotos:
        """Return the held-out photos; each process looks at all of them."""
        return self._validation

    def finish(self, run: Run, records: Sequence[Record]) -> None:
        """Choose the score from which on a detection is shown. See `Task`."""
        best = self.recipe.find_best(records)
        search = PhotoSearch(self.photos)
        network = restore_network(run).to(self._validation.device)
        with torch.inference_mode():
            for image, row in self._validation:
                search.look(network, image, row)
        min_score = find_threshold(search.found, search.true, MOST_FALSE_FACES)
        measures = search.measure(min_score)
        threshold = Threshold(
            min_score=min_score,
            validation_false_faces=measures.false_faces_per_picture,
            validation_recall_32=measures.recall_32 or 0.0,
            best_epoch=best.epoch if best else None,
        )
        write_text(run.threshold_path, threshold.model_dump_json(indent=2) + "\n")
