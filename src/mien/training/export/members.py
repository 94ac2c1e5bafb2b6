"""Which model files can be averaged: read and compared before anything is computed.

Means of probabilities make sense only of models that answer the same question about the same crop, and that were
trained on the same import: with another split, one model's validation pictures are another one's training pictures, and
the temperature would be fitted to answers that were learned by heart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx

from mien.core.card import ExpressionCard
from mien.core.errors import InputError, ModelError
from mien.inference.runtime.bundled import MAX_MODEL_BYTES, ModelFile, read_model


@dataclass(frozen=True)
class Member:
    """A model file that is averaged with others.

    Attributes:
        source: The path or name that was given.
        path: The file.
        sha256: Hash of the whole file.
        card: What it says of itself.
        model: Its graph, with all weights.
    """

    source: str
    path: Path
    sha256: str
    card: ExpressionCard
    model: onnx.ModelProto


def read_members(sources: Sequence[str]) -> tuple[Member, ...]:
    """Read the models that are to be averaged.

    Args:
        sources: At least two paths or names; see `find_model`.

    Returns:
        One a source, in that order.

    Raises:
        InputError: If there are fewer than two, one is there twice, one differs from the first in what has to be alike,
            or together they are larger than a model may be.
        ModelError: If one is absent or no model file.
        CardError: If one's card is missing, changed, or that of a model for something else.
    """
    if len(sources) < 2:
        raise InputError(f"an ensemble averages two models or more, got {len(sources)}. Name several files.")
    members: list[Member] = []
    total = 0
    for source in sources:
        file = read_model(source)
        total += len(file.data)
        if total > MAX_MODEL_BYTES:
            raise InputError(
                f"the models up to {source} have {total / 2**20:,.0f} MiB together, and mien reads models of at most "
                f"{MAX_MODEL_BYTES // 2**20} MiB. Name fewer or smaller ones."
            )
        member = _open(source, file)
        _check_unlike(member, members)
        if members:
            _check_alike(member, members[0])
        members.append(member)
    return tuple(members)


def all_have_votes(members: Sequence[Member]) -> bool:
    """Whether every one has a second head; only then an ensemble has one, so that both average the same models."""
    return all(member.card.has_votes for member in members)


def _open(source: str, file: ModelFile) -> Member:
    try:
        card = file.card.expect(ExpressionCard)
    except ModelError as error:
        raise type(error)(f"{source}: {error}") from error
    try:
        model = onnx.load_model_from_string(file.data)
    except Exception as error:  # noqa: BLE001 - protobuf has errors of its own
        raise ModelError(f"{source} can't be read: {error}.") from None
    return Member(source, file.path, hashlib.sha256(file.data).hexdigest(), card, model)


def _check_unlike(member: Member, others: Sequence[Member]) -> None:
    """Refuse a model that is there already; by its graph, since a stamp changes the file and no answer."""
    for other in others:
        if other.card.graph_sha256 == member.card.graph_sha256:
            raise InputError(
                f"{other.source} and {member.source} are the same model, and averaging it with itself changes nothing. "
                "Name each one once."
            )


_HAS_TO_BE_ALIKE: Final[dict[str, Callable[[Member], str]]] = {
    "labels": lambda member: ", ".join(member.card.labels),
    "input": lambda member: f"{member.card.input.color} pictures of {member.card.input.size_px} px",
    "crop": lambda member: member.card.crop,
    "training data": lambda member: f"{member.card.data.name} (sha256 {member.card.data.sha256})",
    "opset": lambda member: ", ".join(f"{it.domain or 'ai.onnx'} {it.version}" for it in member.model.opset_import),
}
"""By a word for it: how it is told."""


def _check_alike(member: Member, first: Member) -> None:
    for word, tell in _HAS_TO_BE_ALIKE.items():
        if tell(member) != tell(first):
            remedy = "Export one of them again with this mien." if word == "opset" else "Name models that agree in it."
            raise InputError(
                f"{member.source} can't be averaged with {first.source}: its {word}: {tell(member)}; the other's: "
                f"{tell(first)}. {remedy}"
            )
