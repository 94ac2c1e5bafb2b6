"""What the engine has to know of what is trained: its data, its network, its end."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

import torch

from mien.training.fit.history import Record
from mien.training.fit.learner import Learner
from mien.training.fit.notes import TrainedOn
from mien.training.fit.processes import Processes
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run


class Origin(Protocol):
    """What a run learned from beside its data, as it is noted in the run's folder."""

    def summary(self) -> str:
        """Return it in a sentence or two."""

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return it as JSON."""


class Task(Protocol):
    """A recipe joined with its data."""

    trained_on: TrainedOn

    def load(self, device: torch.device, processes: Processes) -> None:
        """Read what is trained on, and make sure that it is what was imported.

        Args:
            device: Where tensors shall lie.
            processes: Which of them this is.

        Raises:
            DataError: If the data can't be used with the recipe, or were changed.
        """

    def begin(self, run: Run) -> tuple[Learner, dict[Path, Origin]]:
        """Build the network with the weights it begins with.

        Args:
            run: Its folder, which need not be there yet.

        Returns:
            What learns, and what it learns from beside the data, by the file where that is noted.
        """

    def notes(self) -> list[str]:
        """Return what a person should know before it starts."""

    def batches(self) -> Any:
        """Return the training part, an epoch an iteration."""

    def validation(self) -> Any:
        """Return the validation part."""

    def finish(self, run: Run, records: Sequence[Record]) -> None:
        """Calibrate with the weights of the epoch that was kept; writing it down ends the run.

        Args:
            run: With all its epochs.
            records: One an epoch; none if the weights are the mean of several runs'.
        """


_TASKS: Final = {
    "expression": "mien.training.fit.expression.task:ExpressionTask",
    "faces": "mien.training.fit.faces.task:FaceTask",
}


def open_task(recipe: Recipe, data: Path) -> Task:
    """Join a recipe with its data; nothing large is read yet.

    Args:
        recipe: The whole run.
        data: Folder of an imported data set.

    Raises:
        DataError: If the folder is no data set for this task.
        RecipeError: If the recipe can't be used with it.
    """
    module, _, name = _TASKS[recipe.task].partition(":")
    task: Task = getattr(import_module(module), name)(recipe, data)
    return task
