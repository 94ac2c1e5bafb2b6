"""`mien info`: a model's card, for people and for programs."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.core.card import ExpressionCard, FacesCard, FacesMetrics, Metrics, ModelCard
from mien.inference.runtime.bundled import DEFAULT_MODEL, read_model


def info(
    model: str = DEFAULT_MODEL,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Show what a model says of itself: labels, input, training data, figures, limits, terms.

    Args:
        model: Name of a bundled model, or path of a model file.
        as_json: Print the card as JSON.
    """
    path, data, card = read_model(model)
    if as_json:
        print(card.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    console.print(Text(card.name, style="bold"), Text(f"{path} ({len(data) / 1e6:.2f} MB)", style="dim"))
    console.print(_describe(card))
    if card.metrics:
        console.print(_tabulate_metrics(card))
    else:
        console.print(
            Text("No figures yet: `mien evaluate MODEL.onnx --data DIR --stamp` writes them.", style="yellow")
        )


def _describe(card: ModelCard) -> Table:
    facts = {
        **_describe_task(card),
        "parameters": f"{card.parameters:,}",
        "trained on": f"{card.data.name} (sha256 {card.data.sha256[:12]})",
        "data terms": card.data.license,
        "recipe": f"{card.recipe} (sha256 {card.recipe_sha256[:12]})",
        "commit": card.commit,
        "weights' terms": card.license,
        "limits": "\n".join(f"- {limit}" for limit in card.limits) or "none stated",
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(value))
    return table


def _describe_task(card: ModelCard) -> dict[str, str]:
    """Return what only cards of this task say."""
    if isinstance(card, FacesCard):
        return {
            "answers": "boxes, scores and five landmarks of the faces in a picture of any size",
            "shown from": f"score {card.min_score:.2f}",
            "scaled to": f"{card.max_side_px} px, the longer side of larger pictures",
            "smallest face": f"{card.smallest_face_px:g} px in the scaled picture",
        }
    card = card.expect(ExpressionCard)
    return {
        "labels": ", ".join(card.labels),
        "input": f"{card.input.size_px} x {card.input.size_px} {card.input.color}, {card.input.dtype}",
        "crop": card.crop,
        "temperature": f"{card.temperature:.3f}",
        **({"second head": f"votes, temperature {card.votes_temperature:.3f}"} if card.has_votes else {}),
    }


FACES_COLUMNS = ("pictures", "AP 16 px", "AP 32 px", "AP 64 px", "false faces", "landmark error")
EXPRESSION_COLUMNS = ("pictures", "accuracy", "95 % interval", "macro F1", "ECE", "without twins")


def _tabulate_metrics(card: ExpressionCard | FacesCard) -> Table:
    table = Table(title="Figures of this file", title_justify="left", title_style="bold")
    table.add_column("split")
    for name in FACES_COLUMNS if isinstance(card, FacesCard) else EXPRESSION_COLUMNS:
        table.add_column(name, justify="right")
    for split, metrics in card.metrics.items():
        table.add_row(split, *(_face_cells(metrics) if isinstance(metrics, FacesMetrics) else _cells(metrics)))
    return table


def _face_cells(metrics: FacesMetrics) -> list[str]:
    error = metrics.landmark_error
    return [
        f"{metrics.n:,}",
        *("-" if value is None else f"{value:.3f}" for value in (metrics.ap_16, metrics.ap_32, metrics.ap_64)),
        f"{metrics.false_faces_per_picture:.3f}",
        "-" if error is None else f"{error:.1%}",
    ]


def _cells(metrics: Metrics) -> list[str]:
    low, high = metrics.accuracy_ci95
    apart = metrics.accuracy_without_twins
    without_twins = "-" if apart is None else f"{apart:.1%} of {metrics.n_without_twins or 0:,}"
    return [
        f"{metrics.n:,}",
        f"{metrics.accuracy:.1%}",
        f"{low:.1%} to {high:.1%}",
        f"{metrics.macro_f1:.3f}",
        f"{metrics.ece:.3f}",
        without_twins,
    ]
