"""A detector's training step, and what it finds on whole photos after each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.data.faces.batches import SceneBatch
from mien.training.data.faces.photos import PhotoSet
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces
from mien.training.evaluate.detections.measures import DetectionMeasures, measure_detections
from mien.training.fit.faces.history import FaceRecord
from mien.training.fit.faces.loss import Truth, measure_parts
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.learner import Learner
from mien.training.models.face_pyramid import STRIDES, cell_middles, decode
from mien.training.models.preprocess import standardize_pixels
from mien.training.models.suppression import suppress

LEAST_SCORE = 0.02
"""Detections down to this score are counted, as the published average precisions are."""

CERTAIN_SCORE = 0.5
"""At this score false faces and landmarks are looked at while training; the shipped threshold is chosen afterwards."""


class PhotoSearch:
    """Looks for faces in whole photos, and keeps what was found beside what is there."""

    def __init__(self, photos: PhotoSet) -> None:
        """Begin with nothing found.

        Args:
            photos: Where the truth lies.
        """
        self.photos = photos
        self.found: list[FoundFaces] = []
        self.true: list[TrueFaces] = []

    def look(self, network: nn.Module, image: Tensor, row: int) -> None:
        """Look at one photo, in float32 as the exported file does.

        Args:
            network: From (1, 3, H, W) to (1, N, 15) raw answers, in evaluation mode.
            image: (H, W, 3) uint8.
            row: The photo's.
        """
        planes = pad(standardize_pixels(image[None]))
        middles, strides = cell_middles(planes.shape[2], planes.shape[3], planes.device)
        raw = network(planes.to(memory_format=torch.channels_last))
        boxes, scores, landmarks = suppress(decode(raw, middles, strides), 0, LEAST_SCORE)
        sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)
        self.found.append(FoundFaces(*(part.cpu().numpy() for part in (sides, scores, landmarks))))
        faces = self.photos.faces_of(row)
        self.true.append(TrueFaces(np.ascontiguousarray(faces["box"]), np.ascontiguousarray(faces["landmarks"])))

    def measure(self, min_score: float) -> DetectionMeasures:
        """Return the figures of all photos looked at. See `measure_detections`."""
        return measure_detections(self.found, self.true, min_score=min_score)


class FaceModule(Learner):
    """A detector with its recipe: drawn scenes in, scores, boxes and landmarks out."""

    recipe: FaceRecipe

    def __init__(self, network: nn.Module, recipe: FaceRecipe, photos: PhotoSet, steps_per_epoch: int) -> None:
        """Prepare training.

        Args:
            network: From (B, 3, H, W) to (B, N, 15) raw answers.
            recipe: The whole run.
            photos: Where the truth of the validation photos lies.
            steps_per_epoch: Batches of an epoch.
        """
        super().__init__(network, recipe, steps_per_epoch)
        self.photos = photos
        self.search = PhotoSearch(photos)
        self._losses: list[Tensor] = []

    def begin_epoch(self) -> None:
        """Forget the last epoch's losses."""
        self._losses = []

    def training_step(self, batch: SceneBatch, batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        planes = standardize_pixels(batch.images).to(memory_format=torch.channels_last)
        raw = self.network(planes).float()
        middles, strides = cell_middles(planes.shape[2], planes.shape[3], self.device)
        truths = [Truth(*parts) for parts in zip(batch.boxes, batch.landmarks, batch.ignored, strict=True)]
        with torch.autocast(self.device.type, enabled=False):
            parts = measure_parts(decode(raw, middles, strides), truths, middles, strides)
        costs = self.recipe.costs
        loss = costs.score * parts.score + costs.box * parts.box + costs.landmarks * parts.landmarks
        self._losses.append(loss.detach())
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget what was found before."""
        self.search = PhotoSearch(self.photos)

    def validation_step(self, batch: tuple[Tensor, int], batch_index: int) -> None:
        """Find the faces of a photo."""
        with torch.autocast(self.device.type, enabled=False):
            self.search.look(self.kept_network, *batch)

    def validation_loss(self) -> float:
        """Return what a plateau schedule goes by: what is missing of the average precision."""
        return 1.0 - (self.search.measure(CERTAIN_SCORE).ap_32 or 0.0)

    def record(self, epoch: int, seconds: float) -> FaceRecord:
        """Return the epoch's line of history."""
        measures = self.search.measure(CERTAIN_SCORE)
        return FaceRecord(
            epoch=epoch,
            train_loss=round(float(torch.stack(self._losses).mean()), 6),
            validation_ap_16=round(measures.ap_16 or 0.0, 6),
            validation_ap_32=round(measures.ap_32 or 0.0, 6),
            validation_ap_64=round(measures.ap_64 or 0.0, 6),
            validation_false_faces=round(measures.false_faces_per_picture, 6),
            lr=float(f"{self.epoch_lr:.6g}"),
            seconds=round(seconds, 2),
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave batches where they are: they are drawn onto the device."""
        return batch


def pad(planes: Tensor) -> Tensor:
    """Return (B, C, H, W) planes with zeros at the right and the bottom, up to multiples of the coarsest stride."""
    height, width = planes.shape[2:]
    return F.pad(planes, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))
