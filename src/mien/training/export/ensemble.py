"""Several expression models as one file: one graph that averages their answers, one calibration, one card.

The members stay as they are, float16 weights included. Their means are made sharper or softer by one temperature a
head, as averaging leaves answers less sure of themselves than they are right; that never changes which one is highest.

Source: Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles", NeurIPS 2017; Rahaman and Thiery, "Uncertainty Quantification and Deep Ensembles", NeurIPS 2021, for
calibrating the mean rather than the members.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, compose, helper, numpy_helper

from mien.core.atomic import atomic_file
from mien.core.card import ExpressionCard
from mien.core.errors import DataError, InputError, ModelError
from mien.inference.expression.model import OUTPUT_NAMES, load_model
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.data.batches import load_pictures
from mien.training.data.table import Dataset, open_dataset, spread
from mien.training.export.ancestry import describe_average
from mien.training.export.members import Member, all_have_votes
from mien.training.export.parity import TOLERANCE
from mien.training.export.place import check_place
from mien.training.fit.expression.temperature import fit_temperature
from mien.training.fit.transfer.pretrained import MEMBERS

NAME = "ensemble"
"""In the card: the recipe, and the name if none is given."""

FLOOR = 1e-7
"""Probabilities below it count as much: logarithms have to be finite. A highest one is never so low."""

BATCH = 256
"""Pictures that a model is shown at a time."""

COMPARED = 128
"""Validation pictures on which the file is compared with its members."""

Heads: TypeAlias = list[NDArray[np.float32]]
"""(N, K) probabilities of each head."""


def export_ensemble(
    members: Sequence[Member], data: Path, out: Path, *, name: str = NAME, license: str | None = None
) -> ExpressionCard:
    """Write models as one that averages their answers, with its own calibration and card, in one step.

    The file is opened and compared with the members before it takes its place. It has a second head if all have one.

    Args:
        members: As `read_members` gives them.
        data: The import that all were trained on; its validation part is what the temperatures are fitted to.
        out: The file to write; must end in .onnx. One that is there is replaced, unless it is a member.
        name: Name in the card.
        license: Terms of the weights, for the card; those of all members if not given.

    Returns:
        The card inside.

    Raises:
        InputError: If `out` can't be written, has another ending, or is a member; see `check_place`.
        DataError: If the data can't be read, were changed, have no validation part, or are another import.
        ModelError: If a member can't be run, or the written file answers otherwise than the members' mean.
    """
    check_place(out)
    _check_no_member(out, members)
    dataset = _open_data(data, members[0].card)
    rows = dataset.rows_of("validation")
    pictures = load_pictures(dataset, rows, votes_head=all_have_votes(members))
    images: NDArray[np.uint8] = pictures.images.numpy()
    means = average([member.path for member in members], images)
    targets = [pictures.labels, *pictures.targets.chunk(len(means), dim=1)[1:]]
    temperatures = [
        fit_temperature(torch.from_numpy(_take_logs(mean)), target) for mean, target in zip(means, targets, strict=True)
    ]
    graph = build_graph([member.model for member in members], temperatures)
    card = _make_card(members, temperatures, graph, name, license)
    shown = spread(np.arange(len(rows)), COMPARED)
    expected = [soften(mean[shown], value) for mean, value in zip(means, temperatures, strict=True)]
    with atomic_file(out) as temporary:
        temporary.write_bytes(write_card(graph, card))
        _check_parity(temporary, images[shown], expected)
    return card


def average(paths: Sequence[Path], images: NDArray[np.uint8]) -> Heads:
    """Return the mean of what model files answer, of those heads that all have.

    Args:
        paths: The files; one is open at a time.
        images: (N, H, W) or (N, H, W, 3) uint8, at the size that they take.
    """
    answers = []
    for path in paths:
        model = load_model(path)
        chunks = [model.run_heads(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        answers.append([np.concatenate(head) for head in zip(*chunks, strict=True)])
    return [np.mean(head, axis=0, dtype=np.float32) for head in zip(*answers, strict=False)]


def soften(mean: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return (N, K) probabilities at another temperature, as the graph computes them.

    Args:
        mean: (N, K) probabilities.
        temperature: Above 1 they come nearer to each other.
    """
    logits = torch.from_numpy(_take_logs(mean)) / temperature
    softened: NDArray[np.float32] = torch.softmax(logits, dim=1).numpy()
    return softened


def build_graph(models: Sequence[ModelProto], temperatures: Sequence[float]) -> bytes:
    """Put models side by side into one, behind one input, and average what they answer.

    Args:
        models: With the same input and opset.
        temperatures: One a head.

    Returns:
        An ONNX file without metadata: softmax(log(mean) / temperature) a head.
    """
    graph = GraphProto(name=NAME, input=models[0].graph.input)
    for number, model in enumerate(models):
        part = compose.add_prefix(model, f"{MEMBERS}{number}.", rename_inputs=False).graph
        graph.node.extend(part.node)
        graph.initializer.extend(part.initializer)
    graph.initializer.append(numpy_helper.from_array(np.array(FLOOR, np.float32), "floor"))
    for output, temperature in zip(OUTPUT_NAMES.values(), temperatures, strict=False):
        answers = [f"{MEMBERS}{number}.{output}" for number in range(len(models))]
        graph.initializer.append(numpy_helper.from_array(np.array(temperature, np.float32), f"{output}.temperature"))
        graph.node.extend(
            [
                helper.make_node("Mean", answers, [f"{output}.mean"]),
                helper.make_node("Max", [f"{output}.mean", "floor"], [f"{output}.raised"]),
                helper.make_node("Log", [f"{output}.raised"], [f"{output}.log"]),
                helper.make_node("Div", [f"{output}.log", f"{output}.temperature"], [f"{output}.logits"]),
                helper.make_node("Softmax", [f"{output}.logits"], [output], axis=1),
            ]
        )
        graph.output.append(next(value for value in models[0].graph.output if value.name == output))
    ensemble = helper.make_model(
        graph,
        opset_imports=models[0].opset_import,
        ir_version=max(model.ir_version for model in models),
        producer_name="mien",
    )
    return bytes(ensemble.SerializeToString(deterministic=True))


def _take_logs(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    logs: NDArray[np.float32] = np.log(np.maximum(mean, np.float32(FLOOR)))
    return logs


def _make_card(
    members: Sequence[Member], temperatures: Sequence[float], graph: bytes, name: str, license: str | None
) -> ExpressionCard:
    """Return the card of members taken together."""
    cards, hashes = [member.card for member in members], [member.sha256 for member in members]
    commits = {card.commit for card in cards}
    terms = describe_average(hashes, [card.data for card in cards])
    return ExpressionCard(
        name=name,
        labels=cards[0].labels,
        input=cards[0].input,
        crop=cards[0].crop,
        temperature=temperatures[0],
        votes_temperature=temperatures[1] if len(temperatures) > 1 else None,
        data=cards[0].data.model_copy(update={"license": terms}),
        recipe=NAME,
        recipe_sha256=hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
        commit=commits.pop() if len(commits) == 1 else "unknown",
        parameters=sum(card.parameters for card in cards),
        limits=tuple(dict.fromkeys(limit for card in cards for limit in card.limits)),
        license=license or "; ".join(dict.fromkeys(card.license for card in cards)),
        graph_sha256=hash_graph(graph),
    )


def _check_no_member(out: Path, members: Sequence[Member]) -> None:
    for member in members:
        if out.exists() and out.samefile(member.path):
            raise InputError(f"{out} is one of the models that are averaged, and would be lost. Name another file.")


def _open_data(path: Path, card: ExpressionCard) -> Dataset:
    """Open the import that a card names."""
    dataset = open_dataset(path)
    named, found = card.data, dataset.manifest
    if (named.sha256, card.labels) != (found.sha256, dataset.labels):
        raise DataError(
            f"{path} is not what the models were trained on: it holds {found.name} (sha256 {found.sha256[:12]}..., "
            f"{len(dataset.labels)} labels), their cards name {named.name} (sha256 {named.sha256[:12]}..., "
            f"{len(card.labels)} labels). Name the import that they were trained on; with another one the temperature "
            "may be fitted to pictures that they have seen."
        )
    dataset.verify()
    return dataset


def _check_parity(path: Path, images: NDArray[np.uint8], expected: Heads) -> None:
    """Make sure that the file answers what its members answer on average."""
    heads = load_model(path).run_heads(images)
    difference = max(float(np.abs(one - other).max()) for one, other in zip(heads, expected, strict=True))
    if not difference <= TOLERANCE:
        raise ModelError(
            f"the ensemble's file differs from the mean of its members by {difference:.2g}, more than {TOLERANCE:g}. "
            "Nothing was written. Please report this with their cards (mien info)."
        )
