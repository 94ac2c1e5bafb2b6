"""Sharpness-aware steps: the gradient is taken a little way uphill, so that weights settle where the loss is flat.

Where the loss stays low all around the weights, pictures that were never shown are read better. The first to do so
(SAM) climb along the batch's own gradient, which takes a second pass. Here the way uphill is the momentum, which is
known already: the step costs next to nothing more.

Source: Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR 2021,
arXiv:2010.01412; Becker, Altrock and Risse, "Momentum-SAM: Sharpness Aware Minimization without Computational
Overhead", 2024, arXiv:2401.12033.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim


class SharpnessAwareSGD(optim.SGD):
    """SGD with Nesterov momentum whose gradients are taken at weights moved by `rho` along the momentum.

    Between steps the weights are the true ones, to the bit. It keeps no state of its own beside SGD's.

    Attributes:
        rho: Euclidean length of the move, over all weights together.
    """

    def __init__(self, params: Any, *, rho: float, lr: float, momentum: float) -> None:
        """Prepare the optimizer.

        Args:
            params: Parameters, or groups of them.
            rho: Length of the move, above 0.
            lr: Learning rate.
            momentum: Above 0: without it there is no way uphill.
        """
        super().__init__(params, lr=lr, momentum=momentum, nesterov=True, fused=True)
        self.rho = rho

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Args:
            closure: Computes the loss and its gradients at the moved weights.

        Returns:
            What `closure` returned.

        Raises:
            ValueError: If there is no closure.
        """
        if closure is None:
            raise ValueError("a sharpness-aware step needs a closure that computes the gradients at the moved weights")
        weights, ways = self._find_ways()
        kept = [weight.detach().clone() for weight in weights]
        self._climb(weights, ways)
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            torch._foreach_copy_(weights, kept)
        super().step()
        return loss

    def _find_ways(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the weights that have a momentum, and it."""
        learning = [weight for group in self.param_groups for weight in group["params"] if weight.requires_grad]
        weights = [weight for weight in learning if "momentum_buffer" in self.state.get(weight, {})]
        return weights, [self.state[weight]["momentum_buffer"] for weight in weights]

    @torch.no_grad()
    def _climb(self, weights: list[Tensor], ways: list[Tensor]) -> None:
        """Move the weights uphill; stay where there is no momentum yet."""
        if not ways:
            return
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(ways)))
        if length > 0:
            torch._foreach_add_(weights, torch._foreach_mul(ways, self.rho / length))
