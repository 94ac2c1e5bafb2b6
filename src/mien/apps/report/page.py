"""The report as one self-contained HTML file: no request leaves it, and it opens in twenty years."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup

from mien.apps.report.caution import list_cautions
from mien.apps.report.environment import open_environment
from mien.apps.report.look import color_of, to_svg
from mien.apps.report.observations import Observation, find_commonest
from mien.apps.report.phrases import percent
from mien.apps.report.plates import Plate
from mien.training.evaluate.score import Scoring

UNSAID = (
    "A label is what people called a face's look. It is not what the person felt.",
    "The interval covers the chance of which pictures were drawn. It covers neither another seed of the training, nor "
    "wrong labels, nor pictures from elsewhere: those can cost far more.",
    "The pictures are finished face crops. What a face detector misses or cuts badly comes on top.",
    "Nothing here is measured by age, sex, skin or origin, because the data hold none of it: equal quality for all is "
    "not shown.",
)
"""What no figure of a report says, whatever was scored."""

SPLIT_WARNINGS = {
    "train": "The model was trained on these pictures: this shows what it remembers, not what it can do.",
    "validation": "Epoch, temperature and recipe were chosen on these pictures, so the figures are somewhat too good.",
    "test": "Test is for the end: a model chosen by this figure would make it worthless. Choose on validation.",
}


def render_page(scoring: Scoring, plates: Sequence[Plate], observations: Sequence[Observation]) -> str:
    """Return the whole HTML file.

    Args:
        scoring: Scores, card and data set.
        plates: The figures, drawn.
        observations: What is said about the numbers.
    """
    scores = scoring.scores
    return (
        _open_environment()
        .get_template("report.html.j2")
        .render(
            scores=scores,
            card=scoring.card,
            facts=list_facts(scoring),
            figures=list_figures(scoring),
            commonest=find_commonest(scores),
            unsaid=[
                SPLIT_WARNINGS[scores.split],
                *list_cautions(scoring.card.data, scoring.dataset.manifest, scoring.test_sha256),
                *UNSAID,
                *scoring.card.limits,
            ],
            observations=observations,
            # matplotlib escapes every text in its SVG, so these are the only strings that pass unescaped
            plates=[(plate, Markup(to_svg(plate.figure))) for plate in plates],
            colors={label: color_of(label, scores.labels) for label in scores.labels},
        )
    )


def list_figures(scoring: Scoring) -> list[tuple[str, str, str]]:
    """Return (name, value, remark) of the main figures beside the accuracy."""
    scores = scoring.scores
    figures = [
        ("Macro F1", percent(scores.macro_f1), "every label counts alike"),
        ("Weighted F1", percent(scores.weighted_f1), "every picture counts alike"),
        ("Calibration error", percent(scores.ece), "ECE of the top label"),
        ("Loss", f"{scores.loss:.3f}", "mean negative log likelihood"),
    ]
    if scores.split != "train" and scores.accuracy_without_twins is not None:
        remark = f"{scores.n_without_twins:,} pictures that are not in train pixel for pixel"
        figures.append(("Without twins", percent(scores.accuracy_without_twins), remark))
    if scores.accuracy_without_near_twins is not None:
        remark = f"{scores.n_without_near_twins:,} that are not nearly in train either"
        figures.append(("Without near twins", percent(scores.accuracy_without_near_twins), remark))
    if scores.fer_plus_agreement is not None:
        figures.append(("FER+ agreement", percent(scores.fer_plus_agreement), "with most of its ten people"))
    if scores.votes is not None:
        figures.append(("FER+ agreement, second head", percent(scores.votes.agreement), scores.votes.describe()))
    return figures


def list_facts(scoring: Scoring) -> list[tuple[str, str]]:
    """Return (name, value) of what was scored on what."""
    card, manifest, scores = scoring.card, scoring.dataset.manifest, scoring.scores
    size = f"{card.input.size_px} x {card.input.size_px} {card.input.color}"
    seed = "" if manifest.seed is None else f", seed {manifest.seed}"
    return [
        *([] if scores.views == "one" else [("Looks at each picture", scores.views)]),
        ("Model", f"{card.name} ({scores.model}), {card.parameters:,} parameters, takes {size}"),
        ("Crop", card.crop),
        ("Recipe", f"{card.recipe}, commit {card.commit}"),
        ("Temperature", f"{card.temperature:.3f}"),
        ("License of the weights", card.license),
        ("Trained on", f"{card.data.name} ({card.data.license})"),
        ("Scored on", f"{manifest.name}, {scores.split} part, split {manifest.split}{seed}; from {manifest.source}"),
        ("Terms of the data", manifest.license),
        ("SHA-256 of the file", scores.model_sha256),
        ("SHA-256 of the graph", card.graph_sha256),
        ("SHA-256 of the data", manifest.sha256),
    ]


def _open_environment() -> Environment:
    environment = open_environment()
    environment.filters["percent"] = percent
    environment.filters["unbroken"] = _keep_together
    return environment


def _keep_together(text: str) -> str:
    """Return the text with figures that no line break parts from their sign or name."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace("F1 ", "F1\N{NO-BREAK SPACE}")
