"""What may have made a figure too good: pictures that the model, or weights it was made from, had seen before."""

from __future__ import annotations

from mien.core.card import TrainingData
from mien.training.data.faces.photos import PhotoManifest
from mien.training.data.manifest import Manifest
from mien.training.export.ancestry import Ancestor, describe_terms, list_ancestors
from mien.training.fit.run import Run


def list_cautions(trained: TrainingData, scored: Manifest | PhotoManifest) -> list[str]:
    """Say, a sentence each, what was trained on another import than the one that is scored, or twice on the same.

    Args:
        trained: What the model's card says of its data.
        scored: Of the import that holds the pictures.
    """
    own = [] if trained.sha256 == scored.sha256 else [_compare_imports(trained, scored)]
    ancestors = dict.fromkeys(list_ancestors(trained.license))  # cards of earlier versions name some twice
    return own + [_judge_ancestor(weights, scored.sha256) for weights in ancestors]


def warn(trained: TrainingData, scored: Manifest | PhotoManifest) -> list[str]:
    """Return the same sentences as lines for a terminal."""
    return [f"Careful: {caution[0].lower()}{caution[1:]}" for caution in list_cautions(trained, scored)]


def warn_of_origins(run: Run) -> list[str]:
    """Return a line for a terminal if weights that a run comes from may have learned what it is validated on.

    Only other imports of the same data count: data of another name are other pictures.

    Raises:
        RunError: If a note of the run is broken.
    """
    data = run.trained_on()
    others = [
        weights
        for weights in list_ancestors(describe_terms(run))
        if weights.data == data.name and weights.data_sha256 not in (None, data.sha256)
    ]
    if not others:
        return []
    nearest = others[0]
    return [
        f"Careful: weights that this run began with or learned from (sha256 {nearest.sha256[:12]}...) were trained on "
        f"another import of {data.name} ({str(nearest.data_sha256)[:12]}...). If pictures of this run's validation "
        "part were among them, the figures of validation are too good."
    ]


def _compare_imports(trained: TrainingData, scored: Manifest | PhotoManifest) -> str:
    twins = ", and twins are looked for in this import's train only" if isinstance(scored, Manifest) else ""
    return (
        f"The model was trained on another import ({trained.name}, sha256 {trained.sha256[:12]}...) than the one "
        f"scored here ({scored.name}, {scored.sha256[:12]}...): it may have seen some of these pictures in training"
        f"{twins}."
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
