"""What may have made a score too good: pictures that the model, or weights it was made from, had seen before."""

from __future__ import annotations

from mien.training.evaluate.score import Scoring
from mien.training.export.ancestry import Ancestor


def list_cautions(scoring: Scoring) -> list[str]:
    """Say, a sentence each, what was trained on another import than the one that is scored, or twice on the same."""
    own = [] if scoring.is_same_import else [_compare_imports(scoring)]
    return own + [_judge_ancestor(weights, scoring.dataset.manifest.sha256) for weights in scoring.ancestors]


def _compare_imports(scoring: Scoring) -> str:
    trained, scored = scoring.card.data, scoring.dataset.manifest
    return (
        f"The model was trained on another import ({trained.name}, sha256 {trained.sha256[:12]}...) than the one "
        f"scored here ({scored.name}, {scored.sha256[:12]}...): it may have seen some of these pictures in training, "
        "and twins are looked for in this import's train only."
    )


def _judge_ancestor(weights: Ancestor, scored_sha256: str) -> str:
    """Say what weights that a model was made from may have seen."""
    named = f"The model {weights.tie} weights (sha256 {weights.sha256[:12]}...)"
    if weights.data is None:
        return f"{named} trained on data unknown: they may have seen some of these pictures."
    if weights.data_sha256 == scored_sha256:
        return (
            f"{named} trained on this same import: both have seen its train part, and both were chosen by its "
            "validation part."
        )
    trained = "import unknown" if weights.data_sha256 is None else f"sha256 {weights.data_sha256[:12]}..."
    return (
        f"{named} trained on {weights.data} ({trained}), not on the import scored here: they may have seen some of "
        "these pictures."
    )
