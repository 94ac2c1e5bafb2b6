"""Optimizers and learning rate schedules, as a recipe names them; all are torch's own."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

from mien.training.fit.recipe import Optimizer, Schedule


def build_optimizer(settings: Optimizer, network: nn.Module) -> optim.Optimizer:
    """Build the optimizer; weight decay is left off biases and norms (vectors), where it only biases.

    Source: He et al., "Bag of Tricks for Image Classification with CNNs", CVPR 2019, for the latter.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: Iterable[dict[str, object]] = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    match settings.name:
        case "sgd":
            return optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.momentum > 0)
        case "adam":
            return optim.Adam(groups, lr=settings.lr)
        case "adamw":
            return optim.AdamW(groups, lr=settings.lr)
        case "rmsprop":
            return optim.RMSprop(groups, lr=settings.lr, momentum=settings.momentum)
        case "adamax":
            return optim.Adamax(groups, lr=settings.lr)


def build_step_schedule(
    settings: Schedule, optimizer: optim.Optimizer, lr: float, epochs: int, steps_per_epoch: int
) -> LRScheduler | None:
    """Build a schedule that is told after every step, or None for those that are not.

    Args:
        settings: Its shape.
        optimizer: Whose rate it sets.
        lr: The highest rate.
        epochs: Length of the run.
        steps_per_epoch: Steps in each of its epochs.
    """
    steps = epochs * steps_per_epoch
    match settings.name:
        case "one-cycle":
            steps = max(steps, 2)
            rise = settings.warmup if settings.warmup * steps > 1 else 0.0  # torch divides by the steps of the rise - 1
            return OneCycleLR(optimizer, lr, total_steps=steps, pct_start=rise, cycle_momentum=False)
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=steps)
        case "step":
            return StepLR(optimizer, settings.every_epochs * steps_per_epoch, settings.factor)
        case "constant" | "plateau":
            return None


def build_plateau(settings: Schedule, optimizer: optim.Optimizer) -> ReduceLROnPlateau | None:
    """Build the schedule that is told the validation loss after every epoch, or None for the others."""
    if settings.name != "plateau":
        return None
    return ReduceLROnPlateau(optimizer, factor=settings.factor, patience=settings.patience_epochs)
