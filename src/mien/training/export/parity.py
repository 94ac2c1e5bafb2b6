"""Whether the exported file answers what the trained network answers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mien.inference.expression.model import LoadedModel
from mien.training.export.graph import CalibratedNetwork

TOLERANCE = 1e-4
"""The largest difference of a probability that is rounding and no mistake."""

HALF_TOLERANCE = 1e-2
"""The same where the weights were rounded to float16: their 11 bits are off by up to one in 4,000."""


def largest_difference(network: CalibratedNetwork, model: LoadedModel, images: NDArray[np.uint8]) -> float:
    """Return the largest difference between the probabilities of the two.

    Args:
        network: In evaluation mode, on the CPU.
        model: The exported file.
        images: (B, H, W) or (B, H, W, 3) uint8, at the size the network takes.
    """
    with torch.inference_mode():
        expected = [head.numpy() for head in network(torch.from_numpy(np.ascontiguousarray(images)))]
    return max(float(np.abs(one - other).max()) for one, other in zip(expected, model.run_heads(images), strict=True))
