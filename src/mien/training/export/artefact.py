"""From a finished run to the one file that users get: graph, calibration and model card."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from mien.core.atomic import atomic_file
from mien.core.card import Architecture, ExpressionCard, ModelInput, TrainingData
from mien.core.errors import ModelError
from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.export.ancestry import describe_terms, list_ancestors
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.export.parity import HALF_TOLERANCE, TOLERANCE, largest_difference
from mien.training.export.place import check_place
from mien.training.fit.recipe import Recipe
from mien.training.fit.restore import restore_network
from mien.training.fit.run import Run
from mien.training.models.registry import find_network
from mien.training.models.size import count_parameters
from mien.training.models.storage import halve_weights

Weights: TypeAlias = Literal["float16", "float32"]
"""How a file stores them."""

CROP = "one face, upright, filling a square as in the training data"
LICENSE = "as the training data's terms allow"
LIMITS = (
    "It names the apparent expression of a face as people labeled such pictures; it does not know what anyone feels.",
    "Not for inferring emotions at work or in education (EU AI Act, Article 5(1)(f)), nor for decisions about people.",
)
FER2013_CROP = "one face, upright, filling a square as FER2013 frames it: forehead to chin, both ears or nearly so"
FER2013_LIMITS = (
    "Labels of its training data are noisy: people agree with them in about two of three pictures.",
    "Ages, skin tones, head coverings and cultures are not balanced in that data, and it was not tested for each.",
)


def export_run(
    run: Run, out: Path, *, name: str | None = None, license: str = LICENSE, weights: Weights = "float16"
) -> ExpressionCard:
    """Write a finished run's network with its calibration and card to one .onnx file, in one step.

    The file is opened and compared with the trained network before it takes its place.

    Args:
        run: A finished run.
        out: The file to write; must end in .onnx. One that is there is replaced.
        name: Name in the card; the recipe's if not given.
        license: Terms of the weights, for the card.
        weights: How they are stored. In float16 they take half the bytes; the network computes in float32 either way.

    Returns:
        The card inside.

    Raises:
        RunError: If the run is not finished or broken.
        InputError: If `out` can't be written, or has another ending; see `check_place`.
        ModelError: If the written file answers otherwise than the network.
    """
    check_place(out)
    recipe, data, calibration = run.recipe(), run.trained_on(), run.calibration()
    temperatures = [value for value in (calibration.temperature, calibration.votes_temperature) if value is not None]
    network = CalibratedNetwork(restore_network(run), *temperatures)
    graph = build_graph(network, data.channels, data.size_px)
    is_gray, is_fer2013 = data.channels == 1, data.name == "FER2013"
    terms = describe_terms(run)
    has_seen_fer2013 = is_fer2013 or any(weights.data == "FER2013" for weights in list_ancestors(terms))
    card = ExpressionCard(
        name=name or recipe.name,
        labels=data.labels,
        input=ModelInput(layout="NHW" if is_gray else "NHWC", size_px=data.size_px, color="gray" if is_gray else "rgb"),
        crop=FER2013_CROP if is_fer2013 else data.crop or CROP,
        temperature=calibration.temperature,
        votes_temperature=calibration.votes_temperature,
        data=TrainingData(name=data.name, license=terms, sha256=data.sha256, test_sha256=data.test_sha256),
        recipe=recipe.name,
        recipe_sha256=run.recipe_sha256(),
        commit=run.environment().commit,
        parameters=count_parameters(network),
        network=name_architecture(recipe),
        limits=(*LIMITS, *FER2013_LIMITS) if has_seen_fer2013 else LIMITS,
        license=license,
        graph_sha256=hash_graph(graph),
    )
    with atomic_file(out) as temporary:
        _write(temporary, graph, card, network, TOLERANCE)
        if weights == "float16":
            graph = halve_weights(graph)
            card = card.model_copy(update={"graph_sha256": hash_graph(graph)})
            _write(temporary, graph, card, network, HALF_TOLERANCE)
    return card


def name_architecture(recipe: Recipe) -> Architecture:
    """Return the network that a recipe of any task trains, with all options it has, the defaults among them."""
    entry = find_network(recipe.network, recipe.task)
    return Architecture(name=entry.name, options={**entry.options, **recipe.options})


def _write(path: Path, graph: bytes, card: ExpressionCard, network: CalibratedNetwork, tolerance: float) -> None:
    """Write a model file, and make sure that it answers what the network answers."""
    path.write_bytes(write_card(graph, card))
    probe = _probe(1 if card.input.color == "gray" else 3, card.input.size_px)
    difference = largest_difference(network, load_model(path), probe)
    if not difference <= tolerance:
        raise ModelError(
            f"the exported file differs from the trained network by {difference:.2g}, more than {tolerance:g}. "
            "Nothing was written. Please report this with the recipe."
        )


def _probe(channels: int, size_px: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return pictures from flat to noisy that show a difference anywhere in the network."""
    random = np.random.default_rng(0)
    shape = (16, size_px, size_px) if channels == 1 else (16, size_px, size_px, channels)
    strength = np.linspace(0, 127, 16).reshape(-1, *[1] * (len(shape) - 1))
    return (128 + strength * random.uniform(-1, 1, shape)).astype(np.uint8)
