"""What training brings down: cross-entropy or focal loss, both with targets that may be soft."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.fit.sections import Loss


def measure_loss(logits: Tensor, targets: Tensor, settings: Loss, class_weights: Tensor | None = None) -> Tensor:
    """Return the mean loss of a batch.

    Args:
        logits: (B, K) float32.
        targets: (B, K) float32, rows sum to 1.
        settings: Which loss, and how far the targets are smoothed.
        class_weights: (K,) float32, or None: then all classes count alike.

    Returns:
        A scalar, float32.
    """
    match settings.name:
        case "cross-entropy":
            return F.cross_entropy(logits, targets, class_weights, label_smoothing=settings.label_smoothing)
        case "focal":
            return focal_loss(logits, targets, settings.focal_gamma, class_weights, settings.label_smoothing)


def focal_loss(
    logits: Tensor, targets: Tensor, gamma: float, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the mean focal loss of a batch: cross-entropy that counts less, the surer the network is already.

    With p the softmax, t the smoothed targets and w the class weights, a picture's loss is the sum over the classes of
    -w t (1 - p)^gamma log p. For a target of 0s and a 1 that is the paper's, for soft ones each class is damped
    by its own probability; with `gamma` 0 it is cross-entropy.

    Args:
        logits: (B, K) float32.
        targets: (B, K) float32, rows sum to 1.
        gamma: 0 or more; larger looks away sooner from what is read rightly, and learns slower.
        class_weights: (K,) float32, or None: then all classes count alike.
        label_smoothing: Share of the target that is spread over all classes.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
    """
    targets = targets * (1 - label_smoothing) + label_smoothing / logits.shape[1]
    if class_weights is not None:
        targets = targets * class_weights
    logs = F.log_softmax(logits, dim=1)
    # kept above 0, where a power below 1 has no slope
    unsure = (-torch.expm1(logs)).clamp_min(torch.finfo(logs.dtype).eps)
    return -(targets * unsure.pow(gamma) * logs).sum(dim=1).mean()
