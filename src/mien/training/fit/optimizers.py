"""Optimizers and learning rate schedules, as a recipe names them; all but one are torch's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

from mien.training.fit.layers import find_layers
from mien.training.fit.sections import Optimizer, Schedule
from mien.training.fit.sharpness import SharpnessAwareSGD


def build_optimizer(settings: Optimizer, network: nn.Module) -> optim.Optimizer:
    """Build the optimizer; its groups are the same whether layers are frozen or not, so that a run can be resumed.

    Args:
        settings: Which one, and its rates.
        network: As a builder returns it.
    """
    groups = _group_by_layer(settings, network)
    match settings.name:
        case "sgd":
            has_momentum = settings.momentum > 0
            sgd = (
                SharpnessAwareSGD(groups, rho=settings.rho, lr=settings.lr, momentum=settings.momentum)
                if settings.rho
                else optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=has_momentum, fused=True)
            )
            if has_momentum:  # torch's fused step fails where only some have one, as when frozen layers begin to learn
                for parameter in network.parameters():
                    sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
            return sgd
        case "adam":
            return optim.Adam(groups, lr=settings.lr, fused=True)
        case "adamw":
            return optim.AdamW(groups, lr=settings.lr, fused=True)
        case "rmsprop":
            return optim.RMSprop(groups, lr=settings.lr, momentum=settings.momentum)
        case "adamax":
            return optim.Adamax(groups, lr=settings.lr)


def _group_by_layer(settings: Optimizer, network: nn.Module) -> list[dict[str, Any]]:
    """Group the parameters by what is decayed, and where `layer_decay` asks for it, by layers with a rate of each."""
    if settings.layer_decay == 1.0:
        return _group_by_decay(settings, network)
    groups = []
    for behind, layer in enumerate(reversed(find_layers(network))):
        lr = settings.lr * settings.layer_decay**behind
        groups += [group | {"lr": lr} for group in _group_by_decay(settings, layer) if group["params"]]
    return groups


def _group_by_decay(settings: Optimizer, module: nn.Module) -> list[dict[str, Any]]:
    """Leave weight decay off biases and norms (vectors), where it only biases.

    Source: He et al., "Bag of Tricks for Image Classification with CNNs", CVPR 2019.
    """
    parameters = list(module.parameters())
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]


def build_step_schedule(
    settings: Schedule, optimizer: optim.Optimizer, epochs: int, steps_per_epoch: int
) -> LRScheduler | None:
    """Build a schedule that is told after every step, or None for those that are not.

    Args:
        settings: Its shape.
        optimizer: Whose rates it sets; those it has now are the highest.
        epochs: Length of the part of the run that is scheduled.
        steps_per_epoch: Steps in each of its epochs.
    """
    steps = epochs * steps_per_epoch
    if not steps:
        return None
    match settings.name:
        case "one-cycle":
            steps = max(steps, 2)
            rise = settings.warmup if settings.warmup * steps > 1 else 0.0  # torch divides by the steps of the rise - 1
            highest = [group["lr"] for group in optimizer.param_groups]
            return OneCycleLR(optimizer, highest, total_steps=steps, pct_start=rise, cycle_momentum=False)
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=steps)
        case "step":
            return StepLR(optimizer, settings.every_epochs * steps_per_epoch, settings.factor)
        case "constant" | "plateau":
            return None


def build_plateau(settings: Schedule, optimizer: optim.Optimizer) -> ReduceLROnPlateau | None:
    """Build the schedule that is told the validation loss after every epoch.

    Args:
        settings: Its shape; how long it waits, and by what it multiplies.
        optimizer: Whose rates it lowers.

    Returns:
        The schedule, or None if the recipe's is another.
    """
    if settings.name != "plateau":
        return None
    return ReduceLROnPlateau(optimizer, factor=settings.factor, patience=settings.patience_epochs)
