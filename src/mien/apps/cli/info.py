"""`mien info`: the models at hand, or one model's card, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.core.card import Architecture, ExpressionCard, FacesCard, FacesMetrics, Metrics, ModelCard
from mien.core.errors import ModelError
from mien.inference.runtime.bundled import BUNDLED, ModelFile, find_models_folder, list_models, read_model


def info(
    model: str | None = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Show what a model says of itself: labels, input, training data, figures, limits, terms.

    Without a model, lists those that can be called by a name: the bundled ones, and optional ones that lie in the
    folder of models as NAME.onnx. `MIEN_MODELS_DIR` names that folder.

    Args:
        model: A model's name, or path of a model file.
        as_json: Print the card, or the list with all cards, as JSON.

    Returns:
        1 if a model of the list can't be read, else 0.
    """
    if model is None:
        return _show_models(as_json=as_json)
    path, data, card = read_model(model)
    if as_json:
        print(card.model_dump_json(indent=2))
        return 0
    console = Console(highlight=False)
    console.print(Text(card.name, style="bold"), Text(f"{path} ({len(data) / 1e6:.2f} MB)", style="dim"))
    console.print(_describe(card))
    if card.metrics:
        console.print(_tabulate_metrics(card))
    else:
        console.print(
            Text("No figures yet: `mien evaluate MODEL.onnx --data DIR --stamp` writes them.", style="yellow")
        )
    return 0


def _show_models(*, as_json: bool) -> int:
    """List all models that have a name; one that can't be read keeps its place, with the reason."""
    paths = list_models()
    models = {name: _try_to_read(path) for name, path in paths.items()}
    if as_json:
        rows = [_to_dict(name, paths[name], model) for name, model in models.items()]
        print(json.dumps({"folder": str(find_models_folder()), "models": rows}, indent=2, allow_nan=False))
    else:
        console = Console(highlight=False)
        console.print(_tabulate_models(models))
        folder = f"Optional models lie in {find_models_folder()} as NAME.onnx"
        console.print(Text(folder + ("." if paths.keys() - BUNDLED.keys() else "; none is there.")), soft_wrap=True)
        console.print(Text("`mien info NAME` shows all that a model says of itself."), soft_wrap=True)
        for error in (model for model in models.values() if isinstance(model, ModelError)):
            console.print(Text(str(error), style="red"), soft_wrap=True)
    return int(any(isinstance(model, ModelError) for model in models.values()))


def _try_to_read(path: Path) -> ModelFile | ModelError:
    try:
        return read_model(path)
    except ModelError as error:
        return error


def _to_dict(name: str, path: Path, model: ModelFile | ModelError) -> dict[str, object]:
    place = {"name": name, "path": str(path), "is_bundled": name in BUNDLED}
    if isinstance(model, ModelError):
        return {**place, "error": {"code": model.code, "message": str(model)}}
    return {**place, "bytes": len(model.data), "card": model.card.model_dump(mode="json")}


def _tabulate_models(models: Mapping[str, ModelFile | ModelError]) -> Table:
    table = Table(header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("tells")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("figure")
    table.add_column("from")
    for name, model in models.items():
        origin = "mien" if name in BUNDLED else "the folder"
        if isinstance(model, ModelError):
            table.add_row(name, Text("can't be read", style="red"), "", "", origin)
        else:
            size = f"{len(model.data) / 1e6:.2f} MB"
            table.add_row(name, _name_answers(model.card), size, _choose_figure(model.card), origin)
    return table


def _name_answers(card: ExpressionCard | FacesCard) -> str:
    if isinstance(card, FacesCard):
        return "faces"
    return f"{len(card.labels)} expressions{', votes too' if card.has_votes else ''}"


def _choose_figure(card: ExpressionCard | FacesCard) -> str:
    """Return the figure that a model is known by, of the part that stands furthest from its training."""
    scored = {str(split): metrics for split, metrics in card.metrics.items()}
    for split in ("test", "validation"):
        metrics = scored.get(split)
        if isinstance(metrics, Metrics):
            return f"{metrics.accuracy:.1%} right ({split})"
        if isinstance(metrics, FacesMetrics) and metrics.ap_32 is not None:
            return f"AP {metrics.ap_32:.3f} from 32 px ({split})"
    return "none"


def _describe(card: ModelCard) -> Table:
    facts = {
        **_describe_task(card),
        "parameters": f"{card.parameters:,}",
        **({"network": _name_network(card.network)} if card.network else {}),
        "trained on": f"{card.data.name} (sha256 {card.data.sha256})",
        "data terms": card.data.license,
        "recipe": f"{card.recipe} (sha256 {card.recipe_sha256})",
        "commit": card.commit,
        "weights' terms": card.license,
        "limits": "\n".join(f"- {limit}" for limit in card.limits) or "none stated",
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(_shorten_hashes(value)))
    return table


def _shorten_hashes(text: str) -> str:
    """Leave twelve digits of each SHA-256: enough to compare, and the sentence can be read. JSON has them whole."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", text)


def _name_network(network: Architecture) -> str:
    options = ", ".join(f"{name} {value:g}" for name, value in network.options.items())
    return f"{network.name} ({options})" if options else network.name


def _describe_task(card: ModelCard) -> dict[str, str]:
    """Return what only cards of this task say."""
    if isinstance(card, FacesCard):
        return {
            "answers": "boxes, scores and five landmarks of the faces in a picture of any size",
            "shown from": f"score {card.min_score}",
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
