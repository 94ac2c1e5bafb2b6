"""Sums over an epoch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.fit.collectives import sum_over_processes


class Tally:
    """Counts loss and right answers, on the device so that no step waits for them."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.loss = torch.zeros(())
        self.right = torch.zeros(())
        self.count = 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: (B, K) logits and (B,) labels."""
        logits = logits.detach().float()
        self.loss = self.loss.to(logits.device) + F.cross_entropy(logits, labels, reduction="sum")
        self.right = self.right.to(logits.device) + (logits.argmax(1) == labels).sum()
        self.count += len(labels)

    def gather(self) -> None:
        """Add up what all processes have counted; each of them has to call it, once."""
        sums = torch.stack([self.loss.double(), self.right.double(), torch.tensor(self.count).to(self.loss).double()])
        loss, right, count = sum_over_processes(sums)
        self.loss, self.right, self.count = loss.float(), right.float(), int(count)

    def means(self) -> tuple[float, float]:
        """Return the mean cross-entropy and the share of right top labels."""
        return float(self.loss) / max(self.count, 1), float(self.right) / max(self.count, 1)
