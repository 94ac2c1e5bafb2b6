"""A recipe for expressions joined with labeled crops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from mien.core.atomic import write_text
from mien.training.data.batches import Batch, Batches, load_pictures
from mien.training.data.table import open_dataset
from mien.training.fit.claim import describe_data
from mien.training.fit.expression.beginning import begin_network
from mien.training.fit.expression.module import ExpressionModule
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.expression.rows import check_classes, choose_rows, find_unvalidated, weigh_classes
from mien.training.fit.expression.teachers import open_teachers
from mien.training.fit.expression.temperature import fit_temperature, predict_logits
from mien.training.fit.history import Record
from mien.training.fit.notes import Calibration
from mien.training.fit.processes import Processes
from mien.training.fit.restore import restore_network
from mien.training.fit.run import Run
from mien.training.fit.task import Origin
from mien.training.models.registry import check_size

VALIDATION_BATCH = 256


class ExpressionTask:
    """Face crops in, apparent expressions out."""

    def __init__(self, recipe: ExpressionRecipe, data: Path) -> None:
        """Open the data. See `open_task`."""
        self.dataset = open_dataset(data)
        self.trained_on = describe_data(self.dataset)
        self.recipe = recipe.suit(self.trained_on.has_votes)
        self._lacks_votes = self.recipe.heads < recipe.heads
        check_size(recipe.network, self.trained_on.size_px)

    def load(self, device: torch.device, processes: Processes) -> None:
        """Copy training and validation rows into memory. See `Task`."""
        recipe, dataset = self.recipe, self.dataset
        rows = choose_rows(dataset, recipe.rows)
        check_classes(dataset, rows)
        has_votes = recipe.heads > 1
        pictures = load_pictures(
            dataset, rows, votes_share=recipe.loss.votes_share, votes_head=has_votes, device=device
        )
        labels = pictures.labels.cpu()
        weights = weigh_classes(labels, len(dataset.labels))[labels] if recipe.rows.oversample else None
        self._batches = Batches(
            pictures,
            recipe.batch_size,
            seed=recipe.seed,
            weights=weights,
            rank=processes.rank,
            processes=processes.count,
        )
        self._validation = load_pictures(dataset, dataset.rows_of("validation"), votes_head=has_votes, device=device)
        processes.check_validation(len(self._validation.labels))
        self._mine = Batch(*(part[processes.rank :: processes.count] for part in self._validation))
        dataset.verify()  # after reading: what is trained on is what was hashed

    def begin(self, run: Run) -> tuple[ExpressionModule, dict[Path, Origin]]:
        """Build the network with drawn weights, or those from elsewhere. See `Task`."""
        pictures = self._batches.pictures
        network, taken = begin_network(run, self.recipe, self.trained_on, pictures.images)
        labels, classes = pictures.labels.cpu(), len(self.trained_on.labels)
        weights = weigh_classes(labels, classes) if self.recipe.loss.class_weights else None
        teachers = open_teachers(run, self.recipe, self.trained_on)
        origins: dict[Path, Origin] = {run.init_path: taken} if taken else {}
        if teachers:
            origins[run.teachers_path] = teachers.taught
        return ExpressionModule(network, self.recipe, weights, len(self._batches), teachers), origins

    def notes(self) -> list[str]:
        """Return what a person should know before it starts."""
        notes = []
        if unseen := find_unvalidated(self.dataset):
            notes.append(
                f"note: validation has no picture of {', '.join(unseen)}, so no figure tells how it is learned."
            )
        if self._lacks_votes:
            notes.append("note: the data have no FER+ votes, so the recipe's second head is left out.")
        return notes

    def batches(self) -> Batches:
        """Return the training rows in batches."""
        return self._batches

    def validation(self) -> Batches:
        """Return this process's share of the validation rows."""
        return Batches(self._mine, VALIDATION_BATCH)

    def finish(self, run: Run, records: Sequence[Record]) -> None:
        """Fit each head's temperature. See `Task`."""
        best = self.recipe.find_best(records)
        network = restore_network(run).to(self._validation.labels.device)
        logits = predict_logits(network, Batches(self._validation, VALIDATION_BATCH))
        logits, *of_votes = logits.chunk(self.recipe.heads, dim=1)
        labels, (_, *voted) = self._validation.labels, self._validation.targets.chunk(self.recipe.heads, dim=1)
        temperature = fit_temperature(logits, labels)
        calibration = Calibration(
            temperature=temperature,
            validation_loss_before=float(F.cross_entropy(logits, labels)),
            validation_loss_after=float(F.cross_entropy(logits / temperature, labels)),
            best_epoch=best.epoch if best else None,
            votes_temperature=fit_temperature(of_votes[0], voted[0]) if of_votes else None,
        )
        write_text(run.temperature_path, calibration.model_dump_json(indent=2) + "\n")
