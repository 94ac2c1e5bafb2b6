"""The figures: what is drawn is what the numbers are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="figures need the report extra")

from matplotlib.figure import Figure

from mien.apps.report.classes import draw_classes
from mien.apps.report.confusion import draw_confusion
from mien.apps.report.curves import draw_curves
from mien.apps.report.look import EXPRESSION_COLORS, color_of, to_png, to_svg
from mien.apps.report.plates import PLATE_NAMES, draw_plates
from mien.apps.report.reliability import draw_reliability
from mien.training.evaluate.calibration import bin_confidences
from mien.training.evaluate.metrics import measure
from mien.training.evaluate.score import Scoring
from mien.training.fit.history import EpochRecord, find_best_epoch


def _words(figure: Figure) -> list[str]:
    """Return every text in a figure, the legend's too."""
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    texts += [axes.get_title(loc="left") for axes in figure.axes]
    return texts + [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_curves_are_left_out_without_a_history(scoring: Scoring, history: list[EpochRecord]) -> None:
    assert [plate.name for plate in draw_plates(scoring)] == ["confusion", "classes", "reliability", "mistakes"]
    with_curves = draw_plates(scoring, history, find_best_epoch(history))
    assert tuple(plate.name for plate in with_curves) == PLATE_NAMES
    assert all(plate.title and plate.caption for plate in with_curves)


def test_confusion_says_counts_shares_and_sums() -> None:
    measures = measure(
        np.array([0, 0, 0, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]), ("cat", "dog")
    )
    words = _words(draw_confusion(measures))
    assert words[:7] == ["67 %", "2", "33 %", "1", "0", "100 %", "1"]
    assert words[7:12] == ["3", "2", "1", "2", "4"]


def test_classes_are_sorted_by_f1_and_say_their_support(scoring: Scoring) -> None:
    (axes,) = draw_classes(scoring.scores).axes
    names = [label.get_text().strip() for label in axes.get_yticklabels()]
    assert names == sorted(names, key=lambda name: -scoring.scores.per_class[name].f1)
    best = scoring.scores.per_class[names[0]]
    widths = [bar.get_width() for bar in axes.patches[:3]]
    assert widths == [best.precision, best.recall, best.f1]
    assert f"n = {best.support}" in [text.get_text() for text in axes.texts]


def test_reliability_draws_the_bins_that_hold_answers(scoring: Scoring) -> None:
    bins = bin_confidences(scoring.labels, scoring.probabilities)
    reliability, histogram = draw_reliability(bins).axes
    assert [bar.get_height() for bar in reliability.patches] == pytest.approx(bins.accuracy[bins.count > 0].tolist())
    assert sum(bar.get_height() for bar in histogram.patches) == pytest.approx(1.0)
    assert reliability.get_title(loc="left") == f"Calibration error (ECE) {scoring.scores.ece * 100:.1f} %"


def test_curves_mark_the_best_epoch_and_where_overfitting_begins(history: list[EpochRecord]) -> None:
    figure = draw_curves(history, history[7], 6)
    loss, accuracy = figure.axes
    assert list(loss.lines[0].get_ydata()) == [record.train_loss for record in history]
    assert list(accuracy.lines[1].get_ydata()) == [record.validation_accuracy for record in history]
    assert _words(figure)[-4:] == ["training", "validation", "kept epoch: 7 (60.0 %)", "overfits from epoch 6"]
    assert "overfits" not in " ".join(_words(draw_curves(history, history[7], None)))


def test_a_run_of_one_epoch_can_be_drawn(history: list[EpochRecord]) -> None:
    assert to_png(draw_curves(history[:1], history[0], None)).startswith(b"\x89PNG")


def test_the_same_numbers_give_the_same_file(scoring: Scoring) -> None:
    first, second = (draw_confusion(scoring.scores) for _ in range(2))
    assert to_svg(first) == to_svg(second)


def test_svg_stands_alone_and_follows_the_page(scoring: Scoring) -> None:
    svg = to_svg(draw_confusion(scoring.scores))
    assert svg.startswith("<svg")
    assert "http" not in svg
    assert "var(--ink)" in svg
    assert '<g id="' not in svg


def test_labels_of_any_spelling_are_escaped_and_never_taken_for_formulas(scoring: Scoring) -> None:
    labels = ("<script>", "$x_1", "a & b", "$", "sad", "ё", "é")
    measures = measure(scoring.labels, scoring.probabilities, labels)
    svg = to_svg(draw_confusion(measures))
    assert "<script>" not in svg
    assert "$x_1" in svg


def test_every_expression_has_one_color_and_other_labels_get_one_too() -> None:
    assert len(set(EXPRESSION_COLORS.values())) == 7
    assert color_of("sad", ("sad",)) == color_of("sad", ("happy", "sad")) == EXPRESSION_COLORS["sad"]
    assert len({color_of(label, ("a", "b", "c")) for label in "abc"}) == 3


def test_the_users_own_matplotlib_settings_are_left_as_they_were(scoring: Scoring) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0}):
        draw_classes(scoring.scores)
        assert matplotlib.rcParams["font.size"] == 31.0


def test_a_perfect_model_gets_its_figures_without_a_sheet_of_mistakes(scoring: Scoring) -> None:
    perfect = replace(scoring, labels=scoring.predicted)
    assert "mistakes" not in [plate.name for plate in draw_plates(perfect)]
