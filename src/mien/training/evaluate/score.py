"""Score the exported file on one split of a data set: the very file that users run, never a checkpoint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.card import ExpressionCard
from mien.core.errors import DataError
from mien.inference.expression.model import LoadedModel, load_model
from mien.inference.runtime.bundled import find_model, read_model_file
from mien.training.data.likeness import mark_near_twins
from mien.training.data.table import SPLITS, Dataset, Split, open_dataset
from mien.training.evaluate.coarse import CoarseMeasures, measure_coarse
from mien.training.evaluate.metrics import Measures, Share, measure
from mien.training.evaluate.views import Views, classify_views
from mien.training.evaluate.votes import VoteMeasures, find_agreement, measure_votes, read_counts

CHUNK = 256
"""Pictures read from the memory map at a time: memory stays constant however large the split."""

OnProgress: TypeAlias = Callable[[int, int], None]
"""Told how many pictures are scored, and how many there are."""


class Scored(BaseModel):
    """What was scored on what.

    Attributes:
        model: Name of the file.
        model_sha256: Hash of the whole file. A stamp changes it; the card's `graph_sha256` stays.
        data: Name of the data set.
        split: The part that was scored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_sha256: str
    data: str
    split: Split


class Scores(Measures, Scored):
    """Everything that `metrics.json` says, in its order.

    Attributes:
        accuracy_without_twins: Accuracy on the pictures that have no pixel-identical twin in train; None if all have.
        n_without_twins: Their number.
        accuracy_without_near_twins: Accuracy on those of them that have no near twin in train either; None if there are
            none, on train itself, and in files of before 2026-11-23.
        n_without_near_twins: Their number.
        fer_plus_agreement: Share of pictures whose answer is what most of FER+'s people saw (see `find_agreement`);
            None without votes.
        votes: Figures of the model's second head, which tells what people voted; None without one, or without votes.
        views: How often each picture was looked at; "one" is what users get.
        coarse: Figures of the coarse answers; None if a label is none of the seven.
        command: The line that makes these figures again.
    """

    accuracy_without_twins: Share | None
    n_without_twins: int
    accuracy_without_near_twins: Share | None = None
    n_without_near_twins: int | None = None
    fer_plus_agreement: Share | None
    votes: VoteMeasures | None
    views: Views
    coarse: CoarseMeasures | None
    command: str


@dataclass(frozen=True)
class Scoring:
    """The scores, and the predictions they were computed from.

    Attributes:
        scores: What `metrics.json` says.
        card: The model's card as it was when the file was scored.
        dataset: The data set, opened.
        rows: (N,) positions in its table.
        labels: (N,) true positions in the labels.
        probabilities: (N, K) float32.
    """

    scores: Scores
    card: ExpressionCard
    dataset: Dataset
    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) answered positions in the labels."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def test_sha256(self) -> str | None:
        """Hash of the pictures if they are the test part, None for another part."""
        return self.dataset.hash_pictures(self.rows) if self.scores.split == "test" else None

    @property
    def is_official_test(self) -> bool:
        """Whether the pictures are of FER2013's own test part, by which models are compared in public."""
        parts = self.dataset.table["part"][self.rows]
        return self.dataset.manifest.name == "FER2013" and bool((parts == SPLITS.index("test")).all())


def score_model(
    source: str | os.PathLike[str],
    data_path: Path,
    split: Split,
    *,
    views: Views = "one",
    command: str = "",
    threads: int | None = None,
    on_progress: OnProgress | None = None,
) -> Scoring:
    """Run a model file over one split of a data set and compute its figures.

    Args:
        source: What `mien export` wrote, or a model's name; see `find_model`.
        data_path: The folder that `mien data import` wrote.
        split: The part to score.
        views: How often each picture is looked at; the answers are averaged. Users get one.
        command: The line that makes these figures again, kept beside them.
        threads: Threads of ONNX Runtime; None for its default here.
        on_progress: Told after each chunk of pictures.

    Raises:
        ModelError: If the file is no model of ours.
        DataError: If the data set can't be read or was changed, has no such rows, or has other labels than the model.
        MissingExtraError: Without the extra "report".
    """
    dataset = open_dataset(data_path)
    dataset.verify()
    rows = dataset.rows_of(split)
    path = find_model(source)
    sha256 = hashlib.sha256(read_model_file(path)).hexdigest()
    model = load_model(path, threads=threads)
    check_labels(model.card, dataset)
    probabilities, *by_votes = _classify(model, dataset, rows, views, on_progress)
    counts = read_counts(dataset, rows)
    labels = dataset.table["label"][rows].astype(np.int64)
    is_right = probabilities.argmax(axis=1) == labels
    without_twins = dataset.without_twins(rows)
    new = without_twins & ~mark_near_twins(dataset, rows) if split != "train" else None
    scores = Scores(
        model=path.name,
        model_sha256=sha256,
        data=dataset.manifest.name,
        split=split,
        **dict(measure(labels, probabilities, dataset.labels)),
        accuracy_without_twins=float(is_right[without_twins].mean()) if without_twins.any() else None,
        n_without_twins=int(without_twins.sum()),
        accuracy_without_near_twins=float(is_right[new].mean()) if new is not None and new.any() else None,
        n_without_near_twins=None if new is None else int(new.sum()),
        fer_plus_agreement=find_agreement(counts, probabilities),
        votes=measure_votes(counts, by_votes[0]) if by_votes else None,
        views=views,
        coarse=measure_coarse(labels, probabilities, dataset.labels, without_twins),
        command=command,
    )
    return Scoring(scores, model.card, dataset, rows, labels, probabilities)


def check_labels(card: ExpressionCard, dataset: Dataset) -> None:
    """Refuse to compare answers with a truth that means something else.

    Raises:
        DataError: If names or order of the labels differ.
    """
    if card.labels != dataset.labels:
        raise DataError(
            f"the model answers {', '.join(card.labels)}, but {dataset.path} has {', '.join(dataset.labels)}; "
            "names and order must be the same. Score a model that was trained on these labels."
        )


def _classify(
    model: LoadedModel,
    dataset: Dataset,
    rows: NDArray[np.intp],
    views: Views,
    on_progress: OnProgress | None = None,
) -> list[NDArray[np.float32]]:
    """Return (N, K) float32 probabilities of the given rows, one array a head."""
    chunks = []
    for start in range(0, len(rows), CHUNK):
        chunks.append(classify_views(model, dataset.images[rows[start : start + CHUNK]], views))
        if on_progress:
            on_progress(min(start + CHUNK, len(rows)), len(rows))
    return [np.concatenate(head) for head in zip(*chunks, strict=True)]
