"""A run's folder: what a training leaves behind, and how far it got.

RUN/
├── recipe.toml        resolved
├── data.json          which data set, by its hash
├── environment.json   versions, device, processes and commit it was begun with
├── init.json          where weights were taken from, and which; only if they were
├── teachers.json      whose answers it imitates; only if it does
├── averaged.json      which runs' weights it is the mean of; only if it is, and then without history.csv and last.ckpt
├── history.csv        one line an epoch
├── best.ckpt          the epoch that is kept: the best by validation, or the last
├── last.ckpt          the last finished epoch; `--resume` goes on from here
└── temperature.json   fitted on validation when the training ended: its presence says that the run is finished
    threshold.json     the same of a detector
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mien.core.errors import RecipeError, RunError
from mien.training.fit.history import Record, read_history
from mien.training.fit.notes import Calibration, Environment, Threshold, TrainedOn
from mien.training.fit.recipe import Recipe
from mien.training.fit.recipes import load_recipe

_Form = TypeVar("_Form", bound=BaseModel)


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    path: Path

    @property
    def recipe_path(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def data_path(self) -> Path:
        """The data set's fingerprint."""
        return self.path / "data.json"

    @property
    def environment_path(self) -> Path:
        """Versions, device and commit."""
        return self.path / "environment.json"

    @property
    def init_path(self) -> Path:
        """Which weights it began with."""
        return self.path / "init.json"

    @property
    def teachers_path(self) -> Path:
        """Whose answers it imitates."""
        return self.path / "teachers.json"

    @property
    def averaged_path(self) -> Path:
        """Which runs' weights it is the mean of."""
        return self.path / "averaged.json"

    @property
    def history_path(self) -> Path:
        """One line an epoch."""
        return self.path / "history.csv"

    @property
    def best_path(self) -> Path:
        """The kept epoch's checkpoint."""
        return self.path / "best.ckpt"

    @property
    def last_path(self) -> Path:
        """The last finished epoch's checkpoint."""
        return self.path / "last.ckpt"

    @property
    def temperature_path(self) -> Path:
        """The calibration; there once the run is finished."""
        return self.path / "temperature.json"

    @property
    def threshold_path(self) -> Path:
        """The score from which on a detection is shown; there once a detector's run is finished."""
        return self.path / "threshold.json"

    @property
    def lock_path(self) -> Path:
        """Locked while a process trains here."""
        return self.path / ".lock"

    @property
    def is_started(self) -> bool:
        """Whether the folder holds a run."""
        return self.recipe_path.exists()

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.temperature_path.exists() or self.threshold_path.exists()

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean of other runs' weights, and was not trained itself."""
        return self.averaged_path.exists()

    def recipe(self) -> Recipe:
        """Read the resolved recipe.

        Raises:
            RunError: If the folder is no run.
        """
        self._require(self.recipe_path)
        try:
            return load_recipe(self.recipe_path)
        except RecipeError as error:
            raise RunError(f"{self.path}: {error}") from None

    def recipe_sha256(self) -> str:
        """Return the hash of the saved recipe, which goes into the model card.

        Raises:
            RunError: If the folder is no run.
        """
        self._require(self.recipe_path)
        return hashlib.sha256(self.recipe_path.read_bytes()).hexdigest()

    def trained_on(self) -> TrainedOn:
        """Read which data set it was trained on.

        Raises:
            RunError: If the folder is no run.
        """
        return self.read_note(self.data_path, TrainedOn)

    def environment(self) -> Environment:
        """Read what it was begun with.

        Raises:
            RunError: If the folder is no run.
        """
        return self.read_note(self.environment_path, Environment)

    def calibration(self) -> Calibration:
        """Read the calibration.

        Raises:
            RunError: If the run is not finished.
        """
        return self.read_note(self.temperature_path, Calibration)

    def threshold(self) -> Threshold:
        """Read a detector's threshold.

        Raises:
            RunError: If the run is not finished.
        """
        return self.read_note(self.threshold_path, Threshold)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept, from 0.

        Raises:
            RunError: If the run is not finished, or is a mean, which has no epochs.
        """
        best = self.threshold().best_epoch if self.threshold_path.exists() else self.calibration().best_epoch
        if best is None:
            raise RunError(f"{self.path} is the mean of several runs and has no epochs. Look at theirs.")
        return best

    def history(self) -> list[Record]:
        """Read the history; empty of a mean. See `read_history`."""
        if self.is_mean:
            return []
        return read_history(self.history_path, self.recipe().record_form)

    def read_note(self, path: Path, form: type[_Form]) -> _Form:
        """Read one of the JSON files in the folder.

        Args:
            path: The file.
            form: What it has to hold.

        Raises:
            RunError: If the folder is no run, or the file can't be read or holds something else.
        """
        self._require(path)
        try:
            return form.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "its content"
            raise RunError(f"{path} can't be used: {field}: {first['msg'].lower()}. Train the run again.") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}.") from None

    def _require(self, path: Path) -> None:
        if not path.exists():
            if not self.path.exists():
                raise RunError(f"{self.path} does not exist. Name the folder given to `mien train --out`.")
            hint = "let it finish with --resume" if self.is_started else "name the folder given to `mien train --out`"
            raise RunError(f"{self.path} holds no {path.name}: {hint}.")
