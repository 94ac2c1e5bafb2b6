"""What training brings down: cross-entropy or focal loss with soft targets, of votes and of teachers too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.fit.expression.recipe import ExpressionRecipe
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


def measure_heads(
    logits: Tensor,
    targets: Tensor,
    recipe: ExpressionRecipe,
    class_weights: Tensor | None = None,
    taught: Sequence[Tensor] = (),
) -> Tensor:
    """Return the mean loss of a batch, that of the labels plus that of the votes if there is a head for them.

    Args:
        logits: (B, K) float32, or (B, 2 K): the labels' head before the votes'.
        targets: Of the same shape. A row of votes sums to 1, or to 0 where nobody voted: it then costs nothing.
        recipe: Says what each part counts. That of the votes is plain cross-entropy: they are soft already.
        class_weights: (K,) float32 for the labels, or None.
        taught: What teachers answered, (B, K) float32 probabilities a head, as far as they have one.

    Returns:
        A scalar, float32.
    """
    answers, truths = logits.chunk(recipe.heads, dim=1), targets.chunk(recipe.heads, dim=1)
    costs = [measure_loss(answers[0], truths[0], recipe.loss, class_weights)]
    costs += [F.cross_entropy(answer, truth) for answer, truth in zip(answers[1:], truths[1:], strict=True)]
    for number, (answer, teaching) in enumerate(zip(answers, taught, strict=False)):
        imitation = imitation_loss(answer, teaching, recipe.distill.temperature)
        costs[number] = torch.lerp(costs[number], imitation, recipe.distill.share)
    weights = (1.0, recipe.votes.weight)
    return torch.stack([weight * cost for weight, cost in zip(weights, costs, strict=False)]).sum()


def imitation_loss(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Return the mean cross-entropy of a student's softened answers with its teachers'.

    Args:
        logits: (B, K) float32.
        taught: (B, K) float32 probabilities.
        temperature: Softens both alike; above 1 the teachers' small probabilities, of what else the face looks like,
            count for more.

    Returns:
        A scalar, float32; times the temperature's square, so that its slope does not shrink with it.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """
    softened = torch.softmax(taught.clamp_min(torch.finfo(taught.dtype).tiny).log() / temperature, dim=1)
    return F.cross_entropy(logits / temperature, softened) * temperature**2


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
