"""From which score on a detection is shown as a face: as low as the false faces on held-out photos allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces, gather_false_scores

LEAST = 0.1
"""Lower thresholds are not taken, however few false faces there are: what lies there was hardly seen in training."""


def find_threshold(found: Sequence[FoundFaces], true: Sequence[TrueFaces], most_false: float) -> float:
    """Return the lowest score at which a picture has at most so many false faces on average.

    Args:
        found: One value a picture, down to a low score.
        true: The same pictures in the same order.
        most_false: Detections a picture that may overlap no true face of any size.

    Returns:
        A score from `LEAST` to 1.
    """
    scores = np.sort(gather_false_scores(found, true))[::-1]
    allowed = int(most_false * len(found))
    return max(LEAST, float(scores[allowed]) + 1e-4) if len(scores) > allowed else LEAST
