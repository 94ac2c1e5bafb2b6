"""What a clip's page says about itself: what was read and how, and what must not be read into it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mien import __version__
from mien.core.card import ExpressionCard
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.settings import InsightSettings
from mien.inference.track.smoothing import SmoothingSettings


@dataclass(frozen=True)
class ClipFacts:
    """What was watched, and how.

    Attributes:
        source: Name of the video or camera, as it shall stand in the title.
        width: Pixels of a frame as a person sees it; None if no frame came.
        height: Likewise.
        card: Of the model that told expressions.
        detector: Name of the model that found faces.
        sampling: Which frames were looked at, such as "every frame".
        smoothing: None if each frame spoke for itself.
        command: What makes the page again.
        settings: Of the insights.
        ended_early: Why not all of it was watched, in a sentence; None if it was.
        version: Of mien.
    """

    source: str
    width: int | None
    height: int | None
    card: ExpressionCard
    detector: str
    sampling: str
    smoothing: SmoothingSettings | None
    command: str
    settings: InsightSettings = field(default_factory=InsightSettings)
    ended_early: str | None = None
    version: str = __version__


APPEARANCE = (
    "A label is how a face appears to people who label pictures. It is not what the person feels, thinks or means.",
    "In the EU, inferring emotions at work or in education is prohibited, except for medical or safety reasons (AI "
    "Act, Article 5(1)(f)). Nor may this page decide about people: hiring, credit, policing, insurance.",
)
"""What holds of every video."""

PERSONS = (
    "Nobody is recognized: a number stands for a face that was followed from frame to frame. At crossings, after cuts "
    "and after absences numbers can be mixed up, so that one person has two, or two persons share one.",
    "What was not seen is not filled in. Where a face was turned away, hidden or missed, its lane is empty and no time "
    "counts.",
)
"""What holds where single persons are shown."""

GROUP = (
    "Nothing here is about one person. People are told apart by their track alone: somebody who leaves and returns "
    "counts twice, and so the people of a bin may be fewer than counted.",
    "It does not protect from everything: where all show the same expression, each one's is known, and who knows all "
    "but one of a small group can work out the last.",
    "What was not seen is not filled in, and what is left at the end is not told if it is shorter than half a bin.",
)
"""What holds of a group."""

VALENCE = (
    "Valence is worked out from the expressions' probabilities: how pleasant (up to +1) or unpleasant (down to -1) "
    "people find what the expression is named after. It is no strength, and 0 is also what the model can't read.",
)


def list_limits(insights: ClipInsights, *, has_valence: bool) -> list[str]:
    """Return the sentences on what the page is and is not, without those of the model's card."""
    special = PERSONS if insights.group is None else GROUP
    return [*APPEARANCE, *special, *(VALENCE if has_valence else ())]


def list_facts(facts: ClipFacts, insights: ClipInsights) -> list[tuple[str, str]]:
    """Return (name, value) of what was watched and how."""
    size = "no frame came" if facts.width is None else f"{facts.width} x {facts.height} pixels"
    return [
        ("Source", f"{facts.source}, {size}"),
        ("Looked at", f"{facts.sampling}, {insights.frames:,} in all"),
        ("Smoothing", _describe_smoothing(facts.smoothing)),
        ("Counting", _describe_counting(facts, insights)),
        ("Model of expressions", f"{facts.card.name}, trained on {facts.card.data.name}"),
        ("License of its weights", facts.card.license),
        ("Model of faces", facts.detector),
        ("Made by", f"mien {facts.version}"),
    ]


def _describe_smoothing(smoothing: SmoothingSettings | None) -> str:
    if smoothing is None:
        return "none: each frame speaks for itself"
    text = (
        f"probabilities over {smoothing.time_constant_s:g} s; a label changes when another one leads by "
        f"{100 * smoothing.margin:g} points for {smoothing.dwell_s:g} s"
    )
    if not smoothing.return_s:
        return text
    return f"{text}, or by {100 * smoothing.return_margin:g} if it was left within {smoothing.return_s:g} s"


def _describe_counting(facts: ClipFacts, insights: ClipInsights) -> str:
    counts = f"a frame counts until the next one, at most for {facts.settings.longest_step_s:g} s"
    if insights.group is not None:
        return f"{counts}; a bin needs at least {insights.group.min_group} people"
    return (
        f"{counts}; an episode lasts at least {facts.settings.min_episode_s:g} s, and an absence of up to "
        f"{facts.settings.longest_gap_s:g} s does not end it"
    )
