"""Which rows train, which validate, which test: the source's own parts, or parts that we draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.training.data.table import SPLITS, UNUSED

Twins: TypeAlias = Literal["together", "ignore"]


@dataclass(frozen=True)
class SplitRule:
    """How rows are given to train, validation and test.

    Attributes:
        text: "official" for the source's own parts; else shares of 100 such as "80/20" (train/validation) or
            "70/15/15" (train/validation/test), drawn with the same mix of labels in each.
        seed: Seed of the draw; the same seed gives the same split.
        twins: "together" keeps pixel-identical pictures on one side of a drawn split.
        pool: Draw from all parts. Without it only the source's train part is drawn from: its test part stays
            test, and its validation part is left unused.
    """

    text: str = "official"
    seed: int = 0
    twins: Twins = "together"
    pool: bool = False

    def shares(self) -> tuple[float, ...] | None:
        """Return the shares as fractions, or None for the official parts.

        Raises:
            DataError: If the text is neither "official" nor shares that add up to 100, or does not fit `pool`.
        """
        if self.text == "official":
            if self.pool:
                raise DataError("--pool draws a new split from all parts, so it needs shares: --split 80/10/10.")
            return None
        texts = self.text.split("/")
        if not all(text.isdigit() for text in texts) or len(texts) not in (2, 3) or "0" in texts:
            raise DataError(f"--split {self.text!r}: expected `official`, or shares such as 80/20 or 70/15/15.")
        if sum(map(int, texts)) != 100:
            raise DataError(f"--split {self.text!r}: the shares add up to {sum(map(int, texts))}, expected 100.")
        if len(texts) == 3 and not self.pool:
            raise DataError(f"--split {self.text!r}: the test part stays as it is; give two shares, or add --pool.")
        return tuple(int(text) / 100 for text in texts)


def split_rows(
    rule: SplitRule, parts: NDArray[np.uint8], labels: NDArray[np.int16], twins: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Give each row a part.

    Args:
        rule: How.
        parts: (N,) the source's own parts, positions in `SPLITS`.
        labels: (N,) label numbers.
        twins: (N,) the same number for pixel-identical pictures.

    Returns:
        (N,) uint8, positions in `SPLITS`, or `UNUSED`.

    Raises:
        DataError: If the rule is impossible.
    """
    shares = rule.shares()
    if shares is None:
        return parts.copy()
    split = np.full(len(parts), UNUSED, np.uint8)
    if rule.pool:
        drawn = np.arange(len(parts))
    else:
        split[parts == SPLITS.index("test")] = SPLITS.index("test")
        drawn = np.flatnonzero(parts == SPLITS.index("train"))
    groups = twins[drawn] if rule.twins == "together" else np.arange(len(drawn), dtype=np.int32)
    split[drawn] = _draw(shares, labels[drawn], groups, np.random.default_rng(rule.seed))
    return split


def _draw(
    shares: tuple[float, ...], labels: NDArray[np.int16], groups: NDArray[np.int32], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw whole groups, label by label, until each part has its share of that label.

    A group of twins with contradicting labels counts for the label of its first row.
    """
    _, first, member, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    part_of_group = np.zeros(len(first), np.uint8)
    for label in np.unique(labels):
        mine = random.permutation(np.flatnonzero(labels[first] == label))
        # a group belongs to the part in which its middle row falls, so that no part runs over by a large group
        middle = (np.cumsum(sizes[mine]) - sizes[mine] / 2) / sizes[mine].sum()
        part_of_group[mine] = np.searchsorted(np.cumsum(shares)[:-1], middle, side="right")
    drawn: NDArray[np.uint8] = part_of_group[member]
    return drawn
