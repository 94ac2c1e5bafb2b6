"""Write a split's figures into the card of the file they were measured with; the graph stays as it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mien.core.atomic import write_bytes
from mien.core.card import ExpressionCard, Metrics
from mien.core.errors import DataError, ModelError
from mien.inference.runtime.envelope import read_card, write_card
from mien.training.data.table import Dataset
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
    data = model_path.read_bytes()
    if hashlib.sha256(data).hexdigest() != scores.model_sha256:
        raise ModelError(f"{model_path} changed while it was scored, so its card stays as it is. Evaluate it again.")
    card = read_card(data).expect(ExpressionCard)
    metrics = Metrics.model_validate({name: getattr(scores, name) for name in Metrics.model_fields})
    stamped = write_card(data, card.model_copy(update={"metrics": {**card.metrics, scores.split: metrics}}))
    write_bytes(model_path, stamped)
    return scores.model_copy(update={"model_sha256": hashlib.sha256(stamped).hexdigest()})
