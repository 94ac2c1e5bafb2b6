"""Temperature scaling: one value that makes a network's confidence match how often it is right.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.data.batches import Batches
from mien.training.models.preprocess import standardize_pixels


@torch.inference_mode()
def predict_logits(network: nn.Module, batches: Batches) -> Tensor:
    """Run a network in float32 over a split.

    Returns:
        (N, K) float32 logits, (N, 2 K) of a network with two heads.
    """
    network.eval()
    return torch.cat([network(standardize_pixels(batch.images)).float() for batch in batches])


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the temperature with the lowest cross-entropy.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64 labels, or (N, K) float32 distributions; a row of zeros counts nothing.

    Returns:
        A value from 0.05 to 20 that the logits are to be divided by; above 1 where the network is too sure of itself.
    """
    logits = logits.detach().clone().double()
    targets = targets.clone().double() if targets.is_floating_point() else targets.clone()
    log_temperature = torch.zeros((), dtype=torch.float64, device=logits.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits / log_temperature.exp(), targets)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return float(log_temperature.detach().exp().clamp(0.05, 20.0))
