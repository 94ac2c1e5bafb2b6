"""How a group looked as the rows of a table: a row a span of time, and none for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mien.apps.cli.picture_rows import name_labels
from mien.apps.cli.tables import Column, Row
from mien.inference.insights.group import GroupBin, GroupInsights

_FIRST: Final = (
    Column("start_s", "number"),
    Column("end_s", "number"),
    Column("told_s", "number"),
    Column("faces_mean", "number"),
    Column("faces_max", "whole"),
    Column("valence", "number"),
    Column("reason", "text"),
)


def list_columns(labels: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns: the span, how many faces, their valence, why nothing is told, and the share of each label.

    Args:
        labels: The model's labels, in its order.
    """
    return (*_FIRST, *name_labels(labels, [column.name for column in _FIRST]))


def make_rows(group: GroupInsights, labels: Sequence[str]) -> list[Row]:
    """Return a row a span of time; where too few persons were seen, it has a reason and no values.

    Args:
        group: What a video shows of all together.
        labels: The model's labels, in its order.

    Returns:
        Rows in the order of `list_columns`.
    """
    return [_describe(one, labels) for one in group.bins]


def _describe(one: GroupBin, labels: Sequence[str]) -> Row:
    shares = [None] * len(labels) if one.shares is None else [one.shares[label] for label in labels]
    return [one.start_s, one.end_s, one.told_s, one.faces_mean, one.faces_max, one.valence, one.reason, *shares]
