"""What may have made a figure too good: pictures that the model, or weights it was made from, had seen before."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from mien.core.card import TrainingData
from mien.training.data.faces.photos import PhotoManifest
from mien.training.data.manifest import Manifest
from mien.training.export.ancestry import Ancestor, describe_terms, list_ancestors
from mien.training.fit.run import Run


def list_cautions(trained: TrainingData, scored: Manifest | PhotoManifest, test_sha256: str | None = None) -> list[str]:
    """Say, a sentence each, what was trained on another import than the one that is scored, or twice on the same.

    Args:
        trained: What the model's card says of its data.
        scored: Of the import that holds the pictures.
        test_sha256: Hash of the pictures if they are the import's test part; None for another part, or photos.
    """
    ancestors = _group(list_ancestors(trained.license))
    is_left_alone = test_sha256 is not None and test_sha256 == trained.test_sha256
    if is_left_alone:  # nor did weights see it that were trained on either import
        clean = (trained.sha256, scored.sha256)
        ancestors = [weights for weights in ancestors if weights[0].data_sha256 not in clean]
    own = [] if trained.sha256 == scored.sha256 else [_compare_imports(trained, scored, is_left_alone)]
    return own + [_judge(weights, scored.sha256) for weights in ancestors]


def warn(trained: TrainingData, scored: Manifest | PhotoManifest, test_sha256: str | None = None) -> list[str]:
    """Return the same sentences as lines for a terminal."""
    return [f"Careful: {caution[0].lower()}{caution[1:]}" for caution in list_cautions(trained, scored, test_sha256)]


def print_cautions(trained: TrainingData, scored: Manifest | PhotoManifest) -> None:
    """Write the same lines to standard error, for programs whose output is a table."""
    for line in warn(trained, scored):
        print(line, file=sys.stderr)


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
        if weights.data == data.name and weights.data_sha256 != data.sha256
    ]
    if not others:
        return []
    nearest = others[0]
    trained = "an unknown import" if nearest.data_sha256 is None else f"another import ({nearest.data_sha256[:12]}...)"
    return [
        f"Careful: weights that this run began with or learned from (sha256 {nearest.sha256[:12]}...) were trained on "
        f"{trained} of {data.name}. If pictures of this run's validation part were among them, the figures of "
        "validation are too good."
    ]


def _compare_imports(trained: TrainingData, scored: Manifest | PhotoManifest, is_left_alone: bool) -> str:
    other = (
        f"The model was trained on another import ({trained.name}, sha256 {trained.sha256[:12]}...) than the one "
        f"scored here ({scored.name}, {scored.sha256[:12]}...)"
    )
    twins = "twins are looked for in this import's train only"
    if is_left_alone:
        return f"{other}. The test part is the same in both, so none of these pictures was learned; but {twins}."
    seen = "it may have seen some of these pictures in training"
    return f"{other}: {seen}, and {twins}." if isinstance(scored, Manifest) else f"{other}: {seen}."


def _group(ancestors: Iterable[Ancestor]) -> list[list[Ancestor]]:
    """Put those together that a model has the same to do with and that saw the same data; each weights once."""
    groups: dict[tuple[str, str | None, str | None], dict[str, Ancestor]] = {}
    for each in ancestors:
        groups.setdefault((each.tie, each.data, each.data_sha256), {})[each.sha256] = each
    return [list(group.values()) for group in groups.values()]


def _judge(ancestors: Sequence[Ancestor], scored_sha256: str) -> str:
    """Say what weights that a model was made from, all from the same data, may have seen."""
    first = ancestors[0]
    hashes = ", ".join(f"{weights.sha256[:12]}..." for weights in ancestors)
    named = f"The model {first.tie} weights (sha256 {hashes})"
    if first.data is None:
        return f"{named} trained on data unknown: they may have seen some of these pictures."
    if first.data_sha256 == scored_sha256:
        return (
            f"{named} trained on this same import: they have seen its train part, and may have been chosen by its "
            "validation part."
        )
    trained = "import unknown" if first.data_sha256 is None else f"sha256 {first.data_sha256[:12]}..."
    return (
        f"{named} trained on {first.data} ({trained}), not on the import scored here: they may have seen some of "
        "these pictures."
    )
