"""How much worse are faces read in poor pictures? Change the crops of a split, show them to models, and compare."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.errors import InputError
from mien.inference.recognizer import Recognizer
from mien.training.data.table import Dataset, Split, spread
from mien.training.evaluate.changes import CHANGES, Change, Pictures
from mien.training.evaluate.metrics import Share, wilson_interval
from mien.training.evaluate.score import CHUNK, OnProgress, check_labels

UNTOUCHED = "untouched"


class Reading(BaseModel):
    """How one model read the pictures after one change.

    Attributes:
        accuracy: Share with the right label.
        accuracy_ci95: 95 % interval of the accuracy (Wilson). Losses are surer: the same pictures are compared.
        confidence: Mean probability of the answers.
        lost_points: Accuracy on the untouched pictures less this one, in percentage points; below 0 is a gain.
        too_sure_points: Mean confidence less accuracy, in percentage points; below 0 is too unsure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy: Share
    accuracy_ci95: tuple[Share, Share]
    confidence: Share
    lost_points: float
    too_sure_points: float


class ModelReadings(BaseModel):
    """How one model fared.

    Attributes:
        graph_sha256: Hash of its graph, which a stamp leaves as it is.
        readings: By change, the untouched pictures first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    graph_sha256: str
    readings: dict[str, Reading]


class Robustness(BaseModel):
    """How models fared with the same changed pictures.

    Attributes:
        data: Name of the data set.
        data_sha256: Its hash: which import it was, and so which split.
        split: The part that was shown.
        n: Pictures shown, each once a change.
        seed: Of the draws.
        models: By the name or path they were called by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    data_sha256: str
    split: Split
    n: int
    seed: int
    models: dict[str, ModelReadings]

    def to_markdown(self) -> str:
        """Return a table: a line a change, and of each model accuracy, points lost, and by how many it is too sure."""
        heads = "".join(f" {name} | lost | too sure by |" for name in self.models)
        lines = [f"| {self.data}, {self.split}, n = {self.n:,} |{heads}", "|---|" + "---:|" * 3 * len(self.models)]
        columns = [model.readings for model in self.models.values()]
        for change in columns[0]:
            lines.append(f"| {change} |" + "".join(_write(column[change]) for column in columns))
        lines.append("| mean of the changes |" + "".join(_write_mean(column) for column in columns))
        return "\n".join(lines) + "\n"


def measure_robustness(
    recognizers: Mapping[str, Recognizer],
    dataset: Dataset,
    split: Split,
    *,
    limit: int = 0,
    seed: int = 0,
    changes: Mapping[str, Change] = CHANGES,
    on_progress: OnProgress | None = None,
) -> Robustness:
    """Show models the same pictures, untouched and changed.

    Args:
        recognizers: By the names they shall have in the table; at least one. Their labels are those of the data set.
        dataset: Where the crops are.
        split: The part to show, all of it as in `mien evaluate`.
        limit: Show so many of them at most, evenly spread; 0 shows all.
        seed: Every change draws from a generator of its own with this seed.
        changes: By name.
        on_progress: Told after each chunk of pictures how many were shown, each once a change, and how many there are.

    Raises:
        InputError: If there is no model, or the limit is below 0.
        DataError: If the data set was changed since its import, has no such rows, or has other labels than a model.
        ModelError: If a model fails.
    """
    if limit < 0:
        raise InputError(f"limit tells how many pictures are shown, got {limit}. Give 0 for all.")
    if not recognizers:
        raise InputError("there is no model to show pictures to. Name at least one.")
    for recognizer in recognizers.values():
        check_labels(recognizer.card, dataset)
    dataset.verify()
    rows = spread(dataset.rows_of(split), limit)
    labels = dataset.table["label"][rows]
    steps: dict[str, Change] = {UNTOUCHED: lambda pictures, random: pictures, **changes}
    probabilities = _show(recognizers, dataset.images, rows, steps, seed, on_progress)
    models = {
        name: ModelReadings(
            graph_sha256=recognizer.card.graph_sha256,
            readings=_read(probabilities[name], labels),
        )
        for name, recognizer in recognizers.items()
    }
    manifest = dataset.manifest
    return Robustness(
        data=manifest.name, data_sha256=manifest.sha256, split=split, n=len(rows), seed=seed, models=models
    )


def _show(
    recognizers: Mapping[str, Recognizer],
    images: Pictures,
    rows: NDArray[np.intp],
    steps: Mapping[str, Change],
    seed: int,
    on_progress: OnProgress | None,
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return by model and step its answers, (N, K) probabilities; each picture is changed once for all models."""
    answers: dict[str, dict[str, list[NDArray[np.float32]]]] = {
        name: {step: [] for step in steps} for name in recognizers
    }
    shown, total = 0, len(rows) * len(steps)
    for step, change in steps.items():
        random = np.random.default_rng(seed)
        for start in range(0, len(rows), CHUNK):
            pictures = change(images[rows[start : start + CHUNK]], random)
            for name, recognizer in recognizers.items():
                answers[name][step].append(recognizer.classify(pictures))
            shown += len(pictures)
            if on_progress:
                on_progress(shown, total)
    return {name: {step: np.concatenate(parts) for step, parts in by_step.items()} for name, by_step in answers.items()}


def _read(probabilities: Mapping[str, NDArray[np.float32]], labels: NDArray[np.integer]) -> dict[str, Reading]:
    """Return the figures by change; the untouched pictures are those that the others are compared with."""
    untouched = float((probabilities[UNTOUCHED].argmax(axis=1) == labels).mean())
    readings = {}
    for step, rows in probabilities.items():
        right = int((rows.argmax(axis=1) == labels).sum())
        accuracy = right / len(labels)
        confidence = min(1.0, float(rows.max(axis=1).mean(dtype=np.float64)))  # float32 may end a hair above 1
        readings[step] = Reading(
            accuracy=accuracy,
            accuracy_ci95=wilson_interval(right, len(labels)),
            confidence=confidence,
            lost_points=100 * (untouched - accuracy),
            too_sure_points=100 * (confidence - accuracy),
        )
    return readings


def _write(reading: Reading) -> str:
    return _write_cells(reading.accuracy, reading.lost_points, reading.too_sure_points)


def _write_mean(readings: Mapping[str, Reading]) -> str:
    """Write the means over all changes, each counting alike; the untouched pictures are none."""
    changed = [reading for step, reading in readings.items() if step != UNTOUCHED]
    figures = [(one.accuracy, one.lost_points, one.too_sure_points) for one in changed]
    return _write_cells(*np.mean(figures, axis=0).tolist())


def _write_cells(accuracy: float, lost_points: float, too_sure_points: float) -> str:
    return f" {100 * accuracy:.1f} % | {lost_points:+z.1f} | {too_sure_points:+z.1f} |"
