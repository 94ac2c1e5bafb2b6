"""Distillation: what larger networks, or several together, answer to the very pictures that the student is shown.

The teachers are model files, as `mien export` writes them, so that anything which can be shipped can teach. They see
each picture as it is drawn for the student: turned, cut and mixed alike.

Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015; Beyer et al., "Knowledge
Distillation: A Good Teacher is Patient and Consistent", CVPR 2022, for showing both the same view.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from mien.core.errors import ModelError, RecipeError
from mien.inference.expression.model import load_model
from mien.inference.runtime.bundled import read_model
from mien.training.fit.expression.answering import Answers, open_answers
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.expression.taught import Taught, Teacher, check_unchanged
from mien.training.fit.notes import TrainedOn
from mien.training.fit.run import Run


class Teachers:
    """The teachers of a run, open; their answers are averaged.

    Attributes:
        taught: Who they are.
    """

    def __init__(self, taught: Taught, teachers: Sequence[Answers], heads: int, *, is_mirrored: bool = False) -> None:
        """Take open teachers.

        Args:
            taught: Who they are.
            teachers: What answers, in the same order; at least one.
            heads: Of the student.
            is_mirrored: Whether they are shown each picture's mirror image as well.
        """
        self.taught = taught
        self._teachers = tuple(teachers)
        self._heads = heads
        self._is_mirrored = is_mirrored

    def answer(self, planes: Tensor) -> list[Tensor]:
        """Return the mean of what the teachers answer.

        Args:
            planes: (B, C, S, S) float32 in 0-1, before they are standardized.

        Returns:
            (B, K) float32 probabilities for each of the student's heads, on the planes' device; of votes the mean of
            those teachers that read votes too, and nothing if none does.
        """
        views = (planes, planes.flip(-1)) if self._is_mirrored else (planes,)
        answers = [teacher.answer(view) for teacher in self._teachers for view in views]
        by_head = [[heads[number] for heads in answers if len(heads) > number] for number in range(self._heads)]
        return [torch.stack(head).mean(dim=0) for head in by_head if head]


def open_teachers(run: Run, recipe: ExpressionRecipe, data: TrainedOn) -> Teachers | None:
    """Open what a recipe names as teachers.

    Args:
        run: Its folder, which need not be there yet.
        recipe: The whole run.
        data: What the student is trained on.

    Returns:
        None if there are none.

    Raises:
        ModelError: If one is absent or no model file of ours.
        RecipeError: If one answers other labels, or takes pictures of another size or color.
        RunError: If the run was begun with other teachers.
    """
    if not recipe.distill.teachers:
        return None
    opened = [_open(source, data) for source in recipe.distill.teachers]
    taught = Taught(teachers=tuple(teacher for teacher, _ in opened))
    check_unchanged(run, taught)
    answers = [answers for _, answers in opened]
    return Teachers(taught, answers, recipe.heads, is_mirrored=recipe.distill.mirrored)


def _open(source: str, data: TrainedOn) -> tuple[Teacher, Answers]:
    """Open one teacher and make sure that it can be asked about these pictures."""
    try:
        model, content = load_model(source), read_model(source).data
    except ModelError as error:
        raise type(error)(f"distill.teachers: {error}") from error
    card = model.card
    color = "gray" if data.channels == 1 else "rgb"
    if card.labels != data.labels:
        raise RecipeError(
            f"distill.teachers: {source} answers {', '.join(card.labels)}, the data have {', '.join(data.labels)}; "
            "names and order must be the same. Name teachers that were trained on these labels."
        )
    if (card.input.size_px, card.input.color) != (data.size_px, color):
        raise RecipeError(
            f"distill.teachers: {source} reads {card.input.color} pictures of {card.input.size_px} px, the data are "
            f"{color} of {data.size_px} px. Name teachers that read such pictures, or import the data likewise."
        )
    teacher = Teacher(
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        trained_on=(card.data.name, card.data.license),
        data_sha256=card.data.sha256,
    )
    return teacher, open_answers(source, model)
