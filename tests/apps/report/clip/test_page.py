"""A film's page: self-contained, escaped, silent about what must not be told, and true to the insights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="reports need the report extra")

from mien.apps.report.clip.facts import ClipFacts
from mien.apps.report.clip.page import render_clip
from mien.core.moments import Moment
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.group import GroupSettings
from mien.inference.insights.settings import InsightSettings

Film = Callable[..., Iterator[Moment]]
InsightsOf = Callable[..., ClipInsights]
FactsOf = Callable[..., ClipFacts]

_VOID = {"meta", "br", "img"}


class _Reader(HTMLParser):
    """Collects what a browser would fetch, tags, ids, roles without names, and elements left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.unnamed: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "img":
            self.pictures.append(known)
        if known.get("role") == "img" and not known.get("aria-label"):
            self.unnamed.append(tag)
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            if name in known and not (known[name] or "").startswith(("#", "data:")):
                self.fetched.append(f"{tag} {name}={known[name]}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def three(film: Film, insights_of: InsightsOf) -> ClipInsights:
    """Return what three persons show in a minute."""
    return insights_of(film(3, 60.0, 10.0), settings=InsightSettings(baseline=True))


@pytest.fixture(scope="module")
def group(film: Film, insights_of: InsightsOf) -> ClipInsights:
    """Return what a group shows that is too small for some of its bins."""
    insights = insights_of(film(8, 125.0, 5.0, seed=3), GroupSettings(min_group=6))
    assert insights.group is not None
    assert {one.reason is None for one in insights.group.bins} == {True, False}
    return insights


def test_nothing_is_fetched_and_no_picture_is_inside(three: ClipInsights, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), three)
    reader = _Reader(page)
    assert reader.fetched == []
    assert "data:" not in page
    assert "img" not in reader.tags
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert "http" not in page.replace("http-equiv", "")
    assert "url(" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'\"" in page


def test_thumbnails_stand_beside_their_episodes_and_nowhere_else(three: ClipInsights, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), three, {1: b"\xff\xd8second"})
    pictures = _Reader(page).pictures
    episode = three.episodes[1]
    assert [picture["src"] for picture in pictures] == ["data:image/jpeg;base64,/9hzZWNvbmQ="]
    assert (pictures[0]["alt"] or "").startswith(f"Person {episode.person}, {episode.expression}, at ")
    assert "img-src data:" in page


def test_what_comes_from_outside_is_escaped(film: Film, insights_of: InsightsOf, facts_of: FactsOf) -> None:
    labels = ("<b>bored</b>", 'wake"ful', "neutral")
    facts = replace(facts_of("<script>film</script>.mp4", labels), ended_early="<i>unplugged</i>")
    page = render_clip(facts, insights_of(film(2, 20.0, labels=labels)))
    _Reader(page)
    assert not re.search(r"<(script|b>bored|i>unplugged)", page)
    assert "&lt;script&gt;film&lt;/script&gt;.mp4" in page
    assert "&lt;b&gt;bored&lt;/b&gt;" in page
    assert "It &lt;script&gt;means&lt;/script&gt; nothing." in page
    assert 'wake"ful' not in page


def test_a_file_name_that_is_no_text_can_be_written(three: ClipInsights, facts_of: FactsOf) -> None:
    assert b"caf?.mp4" in render_clip(facts_of("caf\udce9.mp4"), three).encode()


def test_figures_have_text_alternatives_and_tables_beside_them(three: ClipInsights, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), three)
    reader = _Reader(page)
    assert reader.unnamed == []
    assert reader.tags.count("table") == 3
    for person in three.persons:
        assert f'aria-label="Person {person.person}, seen for ' in page
    assert page.count('<div class="band lane"') == len(three.persons)


def test_a_group_has_no_person_in_its_page(group: ClipInsights, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), group, {0: b"\xff\xd8"})
    reader = _Reader(page)
    assert not re.search(r"[Pp]erson \d", page)
    assert "img" not in reader.tags
    assert 'class="band lane"' not in page
    assert "<h2>Episodes</h2>" not in page
    assert group.group is not None
    hidden = [one for one in group.group.bins if one.reason is not None]
    assert page.count('<td class="untold"') == len(hidden)
    assert page.count("<span>fewer than 6 people</span>") == len(hidden)
    assert 'class="hidden-bin"' in page
    assert 'class="hidden-bin"' not in render_clip(facts_of(), _without_hidden(group))


def _without_hidden(insights: ClipInsights) -> ClipInsights:
    """Return a group all of whose bins are told, up to the film's end."""
    assert insights.group is not None
    told = next(one for one in insights.group.bins if one.reason is None)
    one = replace(told, start_s=0.0, end_s=insights.duration_s)
    return replace(insights, group=replace(insights.group, bins=(one,)))


@pytest.mark.parametrize("frames", [0, 1, 50])
def test_a_film_without_a_face_has_no_figures(frames: int, insights_of: InsightsOf, facts_of: FactsOf) -> None:
    insights = insights_of(Moment(number, number / 25, 640, 480) for number in range(frames))
    page = render_clip(facts_of(), insights)
    reader = _Reader(page)
    assert "no face found" in page
    assert "svg" not in reader.tags
    assert "nan" not in page


def test_one_frame_tells_who_is_on_it_and_nothing_over_time(
    film: Film, insights_of: InsightsOf, facts_of: FactsOf
) -> None:
    page = render_clip(facts_of(), insights_of(film(1, 0.1, 10.0)))
    reader = _Reader(page)
    assert "The video has no length in time" in page
    assert "svg" not in reader.tags
    assert "<h2>Persons</h2>" in page


def _doubt(insights: ClipInsights, certain_share: float) -> ClipInsights:
    """Return the same, so much of which is certain."""
    return replace(
        insights,
        persons=tuple(replace(person, certain_share=certain_share) for person in insights.persons),
        episodes=tuple(replace(episode, certain_share=certain_share) for episode in insights.episodes),
    )


def test_what_is_not_certain_is_marked_wherever_it_stands(
    film: Film, insights_of: InsightsOf, facts_of: FactsOf
) -> None:
    insights = insights_of(film(1, 60.0, 5.0))
    doubtful = render_clip(facts_of(), _doubt(insights, 0.02))
    sure = render_clip(facts_of(), _doubt(insights, 0.9))
    for mark in (
        "? <span>",  # the headline
        "<b>2 % of it certain, the rest a guess</b>",
        ' guess" d="M',  # the lane, its name and its words
        ' guess" style="left',
        ", mostly not certain",
        "; 2 % certain",
        '? <span class="remark">2 % certain</span>',  # the table of persons
        "hollow, with a question mark",
        "?</td>",  # the table of episodes
    ):
        assert mark in doubtful, mark
        assert mark not in sure, mark
    assert "<b>90 % of it certain, the rest a guess</b>" in sure
    assert doubtful.count(' guess" d="M') == len({episode.expression for episode in insights.episodes})


def test_certain_and_doubtful_stretches_of_one_lane_are_apart(
    film: Film, insights_of: InsightsOf, facts_of: FactsOf
) -> None:
    insights = _doubt(insights_of(film(1, 60.0, 5.0)), 0.9)
    first, *others = insights.episodes
    page = render_clip(facts_of(), replace(insights, episodes=(replace(first, certain_share=0.0), *others)))
    assert page.count(' guess" d="M') == 1
    assert page.count("?</td>") == 1


def test_a_group_in_less_than_half_a_bin_says_so(film: Film, insights_of: InsightsOf, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), insights_of(film(8, 4.0, 5.0), GroupSettings()))
    assert "The video is shorter than half a bin of time: 4.0 s of at least 5 s." in page
    assert "svg" not in _Reader(page).tags
    assert "Told</dt><dd>0 of 1<" in page
    assert "No frame was read." in render_clip(facts_of(), insights_of(film(8, 0.0, 5.0), GroupSettings()))


def test_what_is_left_at_the_end_of_a_group_is_counted(film: Film, insights_of: InsightsOf, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), insights_of(film(8, 12.0, 5.0), GroupSettings(min_group=2)))
    assert "Told</dt><dd>1 of 2<" in page
    assert '0:10 to 0:12</th><td class="untold" colspan="9"><span>too short: 2.0 s of at least 5 s' in page


def test_a_long_film_of_a_crowd_stays_small_and_says_what_it_leaves_out(
    film: Film, insights_of: InsightsOf, facts_of: FactsOf
) -> None:
    insights = insights_of(film(70, 200.0, 1.0), settings=InsightSettings(max_episodes=300))
    assert len(insights.episodes) == 300
    assert insights.episodes_left_out > 0
    page = render_clip(facts_of(), insights)
    reader = _Reader(page)
    persons = len(insights.persons)
    more = 100 + insights.episodes_left_out
    assert f"Of {persons} persons, the 60 who are seen for the longest time are shown" in page
    assert f"The 200 longest are listed; {more} more, of which {insights.episodes_left_out} were not kept," in page
    assert page.count('<figure class="card">') == 12
    assert reader.tags.count("tr") < 320
    assert len(page) < 1_000_000


def test_labels_that_are_none_of_the_seven_have_neither_valence_nor_smiles(
    film: Film, insights_of: InsightsOf, facts_of: FactsOf
) -> None:
    labels = ("bored", "awake", "contempt")
    page = render_clip(facts_of(labels=labels), insights_of(film(2, 20.0, labels=labels)))
    assert 'class="band valence"' not in page
    assert "Valence is worked out" not in page
    assert "smile" not in page


def test_what_must_be_said_is_said(three: ClipInsights, group: ClipInsights, facts_of: FactsOf) -> None:
    facts = replace(facts_of(), ended_early="The camera was unplugged at 1:02.", smoothing=None)
    for insights in (three, group):
        page = render_clip(facts, insights)
        assert "It is not what the person feels" in page
        assert "Article 5(1)(f)" in page
        assert "What was not seen is not filled in" in page
        assert "The camera was unplugged at 1:02." in page
        assert "none: each frame speaks for itself" in page
        assert facts.command in page
    assert "numbers can be mixed up" in render_clip(facts, three)
    assert "numbers can be mixed up" not in render_clip(facts, group)


def test_persons_have_the_values_of_their_insights(three: ClipInsights, facts_of: FactsOf) -> None:
    page = render_clip(facts_of(), three)
    section = page[page.index("<h2>Persons</h2>") : page.index("<h2>Episodes</h2>")]
    for person in three.persons:
        row = re.search(rf'<th scope="row" class="left">{person.person}</th>.*?</tr>', section, re.DOTALL)
        assert row is not None
        assert person.shares is not None
        assert person.certain_share is not None
        for value in (person.shares["happy"], person.shares["neutral"], person.certain_share):
            assert f"<td>{100 * value:.0f} %</td>" in row[0] or value < 0.005
        assert f"<td>{person.changes_per_minute:.1f}</td>" in row[0]


def test_the_same_insights_give_the_same_page(three: ClipInsights, facts_of: FactsOf) -> None:
    assert render_clip(facts_of(), three) == render_clip(facts_of(), three)


def test_without_jinja_the_extra_is_named(
    three: ClipInsights, facts_of: FactsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from mien.core.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="report"):
        render_clip(facts_of(), three)


def test_a_page_needs_no_matplotlib() -> None:
    import subprocess
    import sys

    code = (
        "import sys, mien.apps.report.clip.page as _; assert not {'matplotlib', 'sklearn', 'torch'} & set(sys.modules)"
    )
    result: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
