"""`mien info`: a model's card, for people and for programs."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.core.card import Metrics, ModelCard
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
        "labels": ", ".join(card.labels),
        "input": f"{card.input.size_px} x {card.input.size_px} {card.input.color}, {card.input.dtype}",
        "crop": card.crop,
        "parameters": f"{card.parameters:,}",
        "temperature": f"{card.temperature:.3f}",
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


def _tabulate_metrics(card: ModelCard) -> Table:
    table = Table(title="Figures of this file", title_justify="left", title_style="bold")
    table.add_column("split")
    for name in ("pictures", "accuracy", "95 % interval", "macro F1", "ECE", "without twins"):
        table.add_column(name, justify="right")
    for split, metrics in card.metrics.items():
        table.add_row(split, *_cells(metrics))
    return table


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
