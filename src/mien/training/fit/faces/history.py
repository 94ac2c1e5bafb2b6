"""What an epoch of a detector's training earned."""

from __future__ import annotations

from typing import NamedTuple


class FaceRecord(NamedTuple):
    """One line of `history.csv`.

    Epochs count from 0. The average precisions are those of `evaluate.detections` on the held-out photos, for faces
    whose shorter side has at least so many pixels; false faces are a picture's, at a score of 0.5.
    """

    epoch: int
    train_loss: float
    validation_ap_16: float
    validation_ap_32: float
    validation_ap_64: float
    validation_false_faces: float
    lr: float
    seconds: float

    @property
    def validation_ap(self) -> float:
        """The mean of the three."""
        return (self.validation_ap_16 + self.validation_ap_32 + self.validation_ap_64) / 3

    def describe(self) -> str:
        """Return the figures in a line."""
        precisions = " ".join(
            f"{value:.3f}" for value in (self.validation_ap_16, self.validation_ap_32, self.validation_ap_64)
        )
        return f"train {self.train_loss:.3f} · validation AP from 16, 32, 64 px {precisions}"
