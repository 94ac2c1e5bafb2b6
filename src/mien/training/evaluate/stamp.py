"""Write a split's figures into the card of the file they were measured with; the graph stays as it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mien.core.atomic import write_bytes
from mien.core.card import ExpressionCard, FacesCard, FacesMetrics, Metrics
from mien.core.errors import DataError, ModelError
from mien.inference.runtime.envelope import read_card, write_card
from mien.training.data.table import Dataset, Split
from mien.training.evaluate.faces import FaceScores
from mien.training.evaluate.score import Scores


def check_stampable(card: ExpressionCard, dataset: Dataset) -> None:
    """Refuse to write figures of another data set into a card.

    Another import of the same data may have drawn its splits elsewhere: its validation could be the model's train.

    Raises:
        DataError: If the model was not trained on this very import.
    """
    if card.data.sha256 != dataset.manifest.sha256:
        raise DataError(
            f"--stamp: the model was trained on {card.data.name} (sha256 {card.data.sha256[:12]}...), "
            f"but {dataset.path} holds {dataset.manifest.name} ({dataset.manifest.sha256[:12]}...). A card holds "
            "figures of the data it names: score the import that the model was trained on, or leave out --stamp."
        )


def stamp_card(model_path: Path, scores: Scores) -> Scores:
    """Write scores into the card inside a model file, in one step over the same file.

    Args:
        model_path: The file that was scored.
        scores: Its figures. Those of the same split are replaced, those of other splits stay.

    Returns:
        The scores with `model_sha256` of the file as it is now.

    Raises:
        ModelError: If the file is another than the one that was scored.
        InputError: If it can't be written to.
    """
    metrics = Metrics.model_validate({name: getattr(scores, name) for name in Metrics.model_fields})
    sha256 = _stamp(model_path, scores.model_sha256, ExpressionCard, scores.split, metrics)
    return scores.model_copy(update={"model_sha256": sha256})


def stamp_detector(model_path: Path, scores: FaceScores) -> FaceScores:
    """Write a detector's scores into its card; as `stamp_card`."""
    figures = {name: getattr(scores, name) for name in FacesMetrics.model_fields if name != "n"}
    metrics = FacesMetrics.model_validate({"n": scores.n_pictures, **figures})
    sha256 = _stamp(model_path, scores.model_sha256, FacesCard, scores.split, metrics)
    return scores.model_copy(update={"model_sha256": sha256})


def _stamp(
    path: Path,
    scored_sha256: str,
    form: type[ExpressionCard | FacesCard],
    split: Split,
    metrics: Metrics | FacesMetrics,
) -> str:
    """Write one split's metrics into a file's card, and return the hash of the file as it is now."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != scored_sha256:
        raise ModelError(f"{path} changed while it was scored, so its card stays as it is. Evaluate it again.")
    card = read_card(data).expect(form)
    stamped = write_card(data, card.model_copy(update={"metrics": {**card.metrics, split: metrics}}))
    write_bytes(path, stamped)
    return hashlib.sha256(stamped).hexdigest()
