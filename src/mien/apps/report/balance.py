"""The doctor's figure: how the labels lie in each part, what leaks between parts, and what else was found."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.apps.report.look import BLUE, GRID, INK, MUTED, ORANGE, look, make_figure, show_percent
from mien.training.data.diagnosis import Diagnosis

PART_COLORS = {"train": MUTED, "validation": BLUE, "test": ORANGE, "unused": GRID}

ROW = 0.8
"""Share of a label's row that its bars fill."""

OTHER_LABEL = 0.45
"""Opacity of the leaking pictures whose twin in train carries another label."""


def draw_balance(diagnosis: Diagnosis, name: str) -> Figure:
    """Draw the shares of the labels part by part, beside them the leaks and the other findings.

    Args:
        diagnosis: What the doctor found.
        name: Name of the data set, for the title.
    """
    labels = diagnosis.classes["train"]
    with look():
        figure = make_figure(max(4.6, 1.2 + 0.6 * len(labels)))
        figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.06)
        figure.suptitle(f"{name}: {diagnosis.rows:,} pictures", x=0.01, ha="left", fontweight="bold", color=INK)
        panels = figure.subplot_mosaic([["classes", "leaks"], ["classes", "rest"]], width_ratios=[1.35, 1])
        _draw_classes(panels["classes"], diagnosis)
        _draw_leaks(panels["leaks"], diagnosis)
        _draw_rest(panels["rest"], diagnosis)
    return figure


def _draw_classes(axes: Axes, diagnosis: Diagnosis) -> None:
    """Draw a bar for each label and part: its share of the part, with the count beside it."""
    parts = {part: counts for part, counts in diagnosis.classes.items() if sum(counts.values())}
    labels = list(diagnosis.classes["train"])
    height = ROW / max(1, len(parts))
    for number, (part, counts) in enumerate(parts.items()):
        total = sum(counts.values())
        places = [row + (number - (len(parts) - 1) / 2) * height for row in range(len(labels))]
        shares = [counts[label] / total for label in labels]
        bars = axes.barh(places, shares, height * 0.92, color=PART_COLORS[part], label=f"{part} {total:,}")
        axes.bar_label(bars, [f"{counts[label]:,}" for label in labels], padding=3, fontsize=6.5, color=MUTED)
    axes.margins(x=0.12)
    _finish(axes, labels, "Labels: share of the part, and count")
    show_percent(axes, "x")
    # below the panel: inside, long bars would lie under it
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.05), ncols=2, labelcolor=INK, handlelength=1)


def _draw_leaks(axes: Axes, diagnosis: Diagnosis) -> None:
    """Draw the share of a part whose pictures stand in another part too."""
    sizes = {part: sum(counts.values()) for part, counts in diagnosis.classes.items()}
    twins, same, between = diagnosis.twins_in_train, diagnosis.twins_same_label, diagnosis.test_twins_in_validation
    leaks = (
        ("validation\nin train", "validation", twins.validation, same.validation),
        ("test\nin train", "test", twins.test, same.test),
        ("test in\nvalidation", "test", between, between),
    )
    for place, (_, part, count, equal) in enumerate(leaks):
        size = max(1, sizes[part])
        axes.barh(place, equal / size, 0.6, color=PART_COLORS[part])
        other = axes.barh(
            place, (count - equal) / size, 0.6, left=equal / size, color=PART_COLORS[part], alpha=OTHER_LABEL
        )
        axes.bar_label(other, [f"{count:,} ({100 * count / size:.1f} %)"], padding=4, fontsize=8, color=INK)
    axes.set_xlim(0, max(0.05, 1.6 * max(count / max(1, sizes[part]) for _, part, count, _ in leaks)))
    _finish(axes, [label for label, *_ in leaks], "Leaks: twins elsewhere")
    show_percent(axes, "x")
    axes.locator_params(axis="x", nbins=4, steps=[1, 2, 5, 10])
    axes.set_xlabel("share of the part; pale: labels differ")


def _draw_rest(axes: Axes, diagnosis: Diagnosis) -> None:
    """Draw how many pictures are redundant, contradict each other, or show no face as far as FER+ was asked."""
    findings = {
        "redundant": diagnosis.redundant,
        "contradicting": diagnosis.contradicting_rows,
        **({} if diagnosis.not_a_face is None else {"not a face": diagnosis.not_a_face}),
        "single-valued": diagnosis.single_value,
        "unreadable": diagnosis.unreadable,
    }
    bars = axes.barh(range(len(findings)), list(findings.values()), 0.6, color=MUTED)
    axes.bar_label(bars, [f"{count:,}" for count in findings.values()], padding=4, fontsize=8, color=INK)
    axes.set_xlim(0, max(10, 1.3 * max(findings.values())))
    axes.locator_params(axis="x", nbins=4, integer=True)
    _finish(axes, list(findings), "Other findings, all parts")


def _finish(axes: Axes, rows: list[str], title: str) -> None:
    """Name the rows from the top down, and title the panel."""
    axes.set_yticks(range(len(rows)), rows, color=INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_title(title)
