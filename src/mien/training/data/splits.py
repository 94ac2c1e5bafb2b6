"""Which rows train, which validate, which test: the source's own parts, or parts that we draw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.training.data.likeness import find_near_twins
from mien.training.data.table import SPLITS, UNUSED, Images

Twins: TypeAlias = Literal["together", "ignore"]

OFFICIAL = "official"
FROM_TRAIN, FROM_ALL = "80/20", "80/10/10"
"""What is drawn unless the caller says otherwise: a validation part from train, or all three parts from all."""

TRAIN, VALIDATION, TEST = SPLITS.index("train"), SPLITS.index("validation"), SPLITS.index("test")


@dataclass(frozen=True)
class SplitRule:
    """How rows are given to train, validation and test.

    Attributes:
        text: "official" for the source's own parts; else shares of 100 such as "80/20" (train/validation) or
            "70/15/15" (train/validation/test), drawn with the same mix of labels in each. None leaves it to the
            parts that the source has, see `resolve`.
        seed: Seed of the draw, from 0; the same seed gives the same split.
        twins: "together" keeps pixel-identical pictures on one side of a drawn split.
        pool: Draw from all parts. Without it only the source's train part is drawn from: its test part stays
            test, and its validation part is left unused.
        from_validation: Draw from the source's validation part alone, whose first share comes to train, so that a last
            run can learn from what everything was chosen by. Train and test stay as they are.

    Raises:
        DataError: If the rule is impossible, so that it is refused before anything is read.
    """

    text: str | None = None
    seed: int = 0
    twins: Twins = "together"
    pool: bool = False
    from_validation: bool = False

    def __post_init__(self) -> None:
        self.shares()
        if self.seed < 0:
            raise DataError(f"--seed {self.seed}: a seed is a whole number from 0.")
        if self.twins not in get_args(Twins):
            raise DataError(f"--twins {self.twins!r}: expected {' or '.join(get_args(Twins))}.")

    def shares(self) -> tuple[float, ...] | None:
        """Return the shares as fractions, or None for the official parts and for a rule that is still open.

        Raises:
            DataError: If the text is neither "official" nor shares that add up to 100, or does not fit `pool` or
                `from_validation`.
        """
        if self.from_validation and (self.pool or self.text in (None, OFFICIAL) or str(self.text).count("/") != 1):
            raise DataError("--from-validation goes with two shares, and not with --pool: --split 90/10.")
        if self.text is None or self.text == OFFICIAL:
            if self.pool:
                raise DataError("--pool draws a new split from all parts, so it needs shares: --split 80/10/10.")
            return None
        if not re.fullmatch(r"[1-9][0-9]?(/[1-9][0-9]?){1,2}", self.text):
            raise DataError(f"--split {self.text!r}: expected `official`, or shares such as 80/20 or 70/15/15.")
        shares = [int(share) for share in self.text.split("/")]
        if sum(shares) != 100:
            raise DataError(f"--split {self.text!r}: the shares add up to {sum(shares)}, expected 100.")
        if len(shares) == 3 and not self.pool:
            raise DataError(f"--split {self.text!r}: the test part stays as it is; give two shares, or add --pool.")
        return tuple(share / 100 for share in shares)

    def resolve(self, parts: NDArray[np.uint8]) -> SplitRule:
        """Settle what was left open by the parts that the source has.

        Its own parts, where one of them is for validation; a validation part drawn from train, where there are train
        and test; all three drawn, where there is nothing but train, or no parts at all.

        Args:
            parts: (N,) the source's own parts, positions in `SPLITS`, or `UNUSED`.
        """
        if self.text is not None:
            return self
        present = set(np.unique(parts).tolist())
        if present <= {TRAIN, UNUSED}:
            return replace(self, text=FROM_ALL, pool=True)
        return replace(self, text=FROM_TRAIN if TRAIN in present and VALIDATION not in present else OFFICIAL)

    def __str__(self) -> str:
        """Return the rule as on the command line, without the seed."""
        if self.text is None or self.text == OFFICIAL:
            return OFFICIAL
        flags = {"--pool": self.pool, "--from-validation": self.from_validation}
        flags["--twins ignore"] = self.twins == "ignore"
        return " ".join([self.text, *(flag for flag, is_given in flags.items() if is_given)])


def split_rows(
    rule: SplitRule,
    parts: NDArray[np.uint8],
    labels: NDArray[np.int16],
    twins: NDArray[np.int32],
    leaking: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Give each row a part.

    Args:
        rule: How; what it leaves open is resolved by the parts.
        parts: (N,) the source's own parts, positions in `SPLITS`, or `UNUSED`.
        labels: (N,) label numbers.
        twins: (N,) the same number for pixel-identical pictures.
        leaking: (N,) rows that are left unused where validation is drawn from; see `mark_leaking`.

    Returns:
        (N,) uint8, positions in `SPLITS`, or `UNUSED`.

    Raises:
        DataError: If a part that is drawn gets no rows, because there are too few, or if there is no validation part
            to be drawn from.
    """
    rule = rule.resolve(parts)
    shares = rule.shares()
    if shares is None:
        return parts.copy()
    split = np.full(len(parts), UNUSED, np.uint8)
    if rule.pool:
        drawn = np.arange(len(parts))
    elif rule.from_validation:
        if not (parts == VALIDATION).any():
            raise DataError("--from-validation: the source has no validation part. Leave it out.")
        split[parts != VALIDATION] = parts[parts != VALIDATION]
        drawn = np.flatnonzero((parts == VALIDATION) & ~(False if leaking is None else leaking))
    else:
        split[parts == TEST] = TEST
        drawn = np.flatnonzero(parts == TRAIN)
    groups = twins[drawn] if rule.twins == "together" else np.arange(len(drawn), dtype=np.int32)
    split[drawn] = _draw(shares, labels[drawn], groups, np.random.default_rng(rule.seed))
    for part in range(len(shares)):
        if not (split[drawn] == part).any():
            raise DataError(
                f"--split {rule}: {len(drawn)} rows are too few, {SPLITS[part]} would get none. "
                "Name other shares with --split, or add pictures."
            )
    return split


def mark_leaking(parts: NDArray[np.uint8], twins: NDArray[np.int32], images: Images) -> NDArray[np.bool_]:
    """Mark the pictures of validation that are, exactly or nearly, the same as one of test.

    Would they come to train, a score on test would gain by nothing but having seen more of it. What the source's own
    train has leaked stays, so that scores remain comparable.

    Args:
        parts: (N,) the source's own parts, positions in `SPLITS`, or `UNUSED`.
        twins: (N,) the same number for pixel-identical pictures.
        images: (N, S, S) or (N, S, S, 3) uint8 pictures.
    """
    rows, test = np.flatnonzero(parts == VALIDATION), np.flatnonzero(parts == TEST)
    marks: NDArray[np.bool_] = (parts == VALIDATION) & np.isin(twins, twins[test])
    marks[rows] |= find_near_twins(images, rows, test) >= 0
    return marks


def check_train(
    rule: SplitRule, split: NDArray[np.uint8], labels: NDArray[np.int16], label_names: Sequence[str]
) -> None:
    """Refuse a drawn split whose train part lacks a label that the data have; official parts are the source's affair.

    Args:
        rule: How the split was made.
        split: (N,) what `split_rows` gave.
        labels: (N,) label numbers.
        label_names: Their names.

    Raises:
        DataError: If no network could learn one of the labels; names it.
    """
    if rule.shares() is None:
        return
    for number in np.setdiff1d(labels, labels[split == TRAIN]):
        raise DataError(
            f"--split {rule}: train would get none of the {int((labels == number).sum())} pictures of "
            f"{label_names[number]}, so no network could learn it. Draw from all parts with --pool, name other shares "
            "with --split, or leave these pictures out."
        )


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
