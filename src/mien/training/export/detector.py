"""From a detector's finished run to the one file that users get: graph, threshold and model card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.atomic import atomic_file
from mien.core.card import FacesCard, TrainingData
from mien.core.errors import ModelError
from mien.inference.faces.detector import Detector
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.export.ancestry import describe_terms
from mien.training.export.artefact import LICENSE, name_architecture
from mien.training.export.face_graph import DecodingNetwork, build_face_graph
from mien.training.export.place import check_place
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.restore import restore_network
from mien.training.fit.run import Run
from mien.training.models.size import count_parameters
from mien.training.models.suppression import MOST_FACES

MAX_SIDE_PX = 640
"""Longer side of the photos it was trained and measured on."""

TOLERANCE_PX, TOLERANCE_SCORE = 0.05, 1e-3
"""The largest differences of a box and of a score that are rounding and no mistake."""

TIED = 1e-5
"""Scores that are closer than this may change places by rounding."""

LIMITS = (
    "It finds faces; it does not know whose they are, and is no means to recognize people.",
    "Ages, skin tones and head coverings are not balanced in its training photos, and it was not tested for each.",
    "Faces that are turned away, upside down, or smaller than about 10 pixels are often missed.",
)


def export_detector(run: Run, out: Path, *, name: str | None = None, license: str = LICENSE) -> FacesCard:
    """Write a finished run's detector with its threshold and card to one .onnx file, in one step.

    The file is opened and compared with the trained network before it takes its place.

    Args:
        run: A finished run of a recipe for faces.
        out: The file to write; must end in .onnx. One that is there is replaced.
        name: Name in the card; the recipe's if not given.
        license: Terms of the weights, for the card.

    Returns:
        The card inside.

    Raises:
        RunError: If the run is not finished or broken.
        InputError: If `out` can't be written, or has another ending; see `check_place`.
        ModelError: If the written file answers otherwise than the network.
    """
    check_place(out)
    recipe, data, threshold = run.recipe(), run.trained_on(), run.threshold()
    assert isinstance(recipe, FaceRecipe)
    network = restore_network(run)
    graph = build_face_graph(network)
    card = FacesCard(
        name=name or recipe.name,
        min_score=round(threshold.min_score, 4),
        max_side_px=MAX_SIDE_PX,
        smallest_face_px=recipe.scenes.smallest_face_px,
        data=TrainingData(name=data.name, license=describe_terms(run), sha256=data.sha256),
        recipe=recipe.name,
        recipe_sha256=run.recipe_sha256(),
        commit=run.environment().commit,
        parameters=count_parameters(network),
        network=name_architecture(recipe),
        limits=LIMITS,
        license=license,
        graph_sha256=hash_graph(graph),
    )
    with atomic_file(out) as temporary:
        temporary.write_bytes(write_card(graph, card))
        check_parity(DecodingNetwork(network), Detector.load(temporary), draw_probe())
    return card


def check_parity(network: DecodingNetwork, detector: Detector, picture: NDArray[np.uint8]) -> None:
    """Compare what the exported file finds with what the trained network answers.

    Each detection of the file has to be an answer of the network, and the surest answer a detection of the file.

    Args:
        network: In evaluation mode, on the CPU.
        detector: The exported file.
        picture: (H, W, 3) uint8, not larger than the detector's longer side.

    Raises:
        ModelError: If they differ by more than rounding.
    """
    with torch.inference_mode():
        boxes, scores, _ = network.eval()(torch.from_numpy(picture[None]))
    corners, answered = boxes[0].numpy(), scores[0, 0].numpy()
    lowest = float(np.sort(answered)[-min(MOST_FACES, len(answered))])
    found = detector.detect(picture, min_score=max(0.0, lowest - 1e-6))
    if not found:
        raise ModelError(
            "the exported file finds nothing where the trained network answers. Please report this with the recipe."
        )
    pairs = [(int(np.abs(answered - one.score).argmin()), one) for one in found]
    score = max(abs(float(answered[cell]) - one.score) for cell, one in pairs)
    surest = answered >= answered.max() - TIED  # of several, either may come first in the file
    first = found[0].box
    mine = np.array([first.x, first.y, first.x + first.width, first.y + first.height])
    distance = float(np.abs(corners[surest] - mine).max(axis=1).min())
    if score > TOLERANCE_SCORE or not distance <= TOLERANCE_PX:
        raise ModelError(
            f"the exported file differs from the trained network by {score:.2g} in a score and {distance:.2g} px in "
            "the surest box. Nothing was written. Please report this with the recipe."
        )


def draw_probe() -> NDArray[np.uint8]:
    """Return a picture of noise whose strength grows from left to right, and whose sides are no multiples of 32."""
    random = np.random.default_rng(0)
    strength = np.linspace(0, 127, 203)[None, :, None]
    return (128 + strength * random.uniform(-1, 1, (150, 203, 3))).astype(np.uint8)
