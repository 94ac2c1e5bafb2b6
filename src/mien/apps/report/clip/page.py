"""The report of a video as one self-contained HTML file: no request leaves it, and it opens in twenty years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.apps.report.clip.facts import ClipFacts, list_facts, list_limits
from mien.apps.report.clip.hues import Hue, list_hues
from mien.apps.report.clip.lanes import MOST_LANES, draw_lanes
from mien.apps.report.clip.plates import MOST_PLATES, Plate, draw_group, draw_persons, draw_together
from mien.apps.report.clip.summary import find_mix, list_figures
from mien.apps.report.clip.tables import describe_bin, has_smiles, list_bins, list_episodes, list_persons
from mien.apps.report.clip.times import Span, show_length
from mien.apps.report.environment import open_environment
from mien.core.results import CERTAIN_FROM
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.group import GroupInsights


def render_clip(facts: ClipFacts, insights: ClipInsights, thumbnails: Mapping[int, bytes] | None = None) -> str:
    """Return the whole HTML file, which holds no frame and no face but those of `thumbnails`.

    Its size is bounded, whatever the video's length: the tables say what they leave out.

    Args:
        facts: What was watched, and how.
        insights: What it showed. Of a group, nothing about one person is in the page.
        thumbnails: By position in `insights.episodes` the bytes of a JPEG file, such as `EpisodePictures.choose` gives.
            None, and whatever is given with a group, puts no picture into the page.

    Raises:
        MissingExtraError: Without the extra "report".
    """
    labels = _find_labels(facts, insights)
    hues = list_hues(labels)
    context: dict[str, Any] = {
        "title": facts.source,
        "facts": facts,
        "insights": insights,
        "hues": hues,
        "mix": find_mix(insights, hues),
        "figures": list_figures(insights),
        "table": list_facts(facts, insights),
        "certain_from": f"{100 * CERTAIN_FROM:.0f} %",
    }
    if insights.group is None:
        context |= _describe_persons(insights, hues, labels, thumbnails)
    else:
        context |= _describe_group(insights.group, insights.duration_s, hues, labels)
    together: Plate | None = context["together"]
    context["limits"] = list_limits(insights, has_valence=together is not None and together.curve is not None)
    page = _load_template("clip.html.j2").render(context)
    return str(page).encode(errors="replace").decode()  # a file's name may hold bytes that are no text


def _find_labels(facts: ClipFacts, insights: ClipInsights) -> tuple[str, ...]:
    """Return the labels in the order of the video's values."""
    if insights.timeline is not None and insights.timeline.labels:
        return insights.timeline.labels
    if insights.group is not None and insights.group.total.shares is not None:
        return tuple(insights.group.total.shares)
    return facts.card.labels


def _describe_persons(
    insights: ClipInsights, hues: tuple[Hue, ...], labels: tuple[str, ...], thumbnails: Mapping[int, bytes] | None
) -> dict[str, Any]:
    timeline = insights.timeline
    span = Span(0.0 if timeline is None else timeline.start_s, insights.duration_s)
    has_time = timeline is not None and bool(timeline.persons) and span.length_s > 0.0
    episodes = list_episodes(insights.episodes, labels, thumbnails)
    return {
        "ticks": span.list_ticks(),
        "lanes": draw_lanes(insights, timeline, span) if timeline is not None and has_time else (),
        "most_lanes": MOST_LANES,
        "together": draw_together(timeline, insights, span, hues) if timeline is not None and has_time else None,
        "plates": draw_persons(timeline, insights, span, hues) if timeline is not None and has_time else (),
        "most_plates": MOST_PLATES,
        "persons": list_persons(insights, hues),
        "episodes": episodes,
        "has_pictures": any(episode.picture for episode in episodes),
        "guesses": any(episode.is_guess for episode in insights.episodes),
        "has_smiles": has_smiles(labels),
        "has_baseline": any(person.baseline_valence is not None for person in insights.persons),
        "people": len(insights.persons) + insights.persons_left_out,
        "stretches": len(insights.episodes) + insights.episodes_left_out,
    }


def _describe_group(
    group: GroupInsights, duration_s: float, hues: tuple[Hue, ...], labels: tuple[str, ...]
) -> dict[str, Any]:
    span = Span(group.total.start_s, duration_s)
    return {
        "ticks": span.list_ticks(),
        "together": draw_group(group, labels, span, hues) if group.total.reason is None else None,
        "bins": list_bins(group, hues),
        "bin_length": show_length(group.bins[0].end_s - group.bins[0].start_s).replace(".0 s", " s")
        if group.bins
        else "",
        "total": describe_bin(group.total, hues),
        "has_pictures": False,
    }


def _load_template(name: str) -> Any:
    environment = open_environment()
    environment.filters["percent_of"] = lambda share: f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"
    return environment.get_template(name)
