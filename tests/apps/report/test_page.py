"""The HTML report: self-contained, escaped, and true to the numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib", reason="reports need the report extra")
pytest.importorskip("jinja2", reason="reports need the report extra")

from mien.apps.report.observations import observe
from mien.apps.report.page import render_page
from mien.apps.report.plates import draw_plates
from mien.training.evaluate.score import Scoring


@pytest.fixture
def page(scoring: Scoring) -> str:
    """Return a whole report."""
    observations = observe(scoring.scores, scoring.labels, scoring.probabilities)
    return render_page(scoring, draw_plates(scoring), observations)


class _Requests(HTMLParser):
    """Collects what a browser would fetch, ids, and elements left open."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            is_own = (value or "").startswith(("#", "data:"))
            if name in ("src", "href", "xlink:href", "srcset", "action") and not is_own:
                self.fetched.append(f"{tag} {name}={value}")


def test_nothing_is_fetched_from_elsewhere(page: str) -> None:
    parser = _Requests()
    parser.feed(page)
    assert parser.fetched == []
    assert parser.tags.count("svg") == 4
    assert not {"script", "link", "iframe"} & set(parser.tags)
    assert "http://" not in page
    assert "https://" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_what_comes_from_outside_is_escaped(page: str) -> None:
    assert "<script>" not in page
    assert "It &lt;script&gt;means&lt;/script&gt; nothing." in page
    assert "faces &lt;b&gt;&amp;amp;&lt;/b&gt;" in page


def test_headline_command_and_hashes_are_those_of_the_scores(scoring: Scoring, page: str) -> None:
    low, high = scoring.scores.accuracy_ci95
    assert f"{scoring.scores.accuracy * 100:.1f} %" in page
    assert f"{low * 100:.1f} % to {high * 100:.1f} %" in page
    assert "mien evaluate made-up.onnx --data &#39;a &lt;b&gt;&#39;" in page
    assert all(letter * 64 in page for letter in "acd")


def test_every_label_has_its_row(scoring: Scoring, page: str) -> None:
    for label, figures in scoring.scores.per_class.items():
        row = re.search(rf"<tr>(?:(?!</tr>).)*{label}</th>.*?</tr>", page)
        assert row is not None
        assert f"{figures.f1 * 100:.1f} %" in row[0]


def test_coarse_answers_have_their_table_where_there_are_any(scoring: Scoring, page: str) -> None:
    coarse = scoring.scores.coarse
    assert coarse is not None
    section = page[page.index("<h2>Coarse answers</h2>") : page.index("<h2>Figures</h2>")]
    assert f"{coarse.accuracy * 100:.1f}\N{NO-BREAK SPACE}%" in section
    for tone, figures in coarse.per_class.items():
        row = re.search(rf"<tr>(?:(?!</tr>).)*{tone}</th>.*?</tr>", section)
        assert row is not None
        assert f"{figures.recall * 100:.1f} %" in row[0]
    bare = scoring.scores.model_copy(update={"coarse": None})
    assert "Coarse answers" not in render_page(replace(scoring, scores=bare), (), ())


def test_what_the_numbers_do_not_say_depends_on_the_split_and_the_import(scoring: Scoring, page: str) -> None:
    assert "Test is for the end" in page
    assert "another import" not in page
    card = scoring.card.model_copy(update={"data": scoring.card.data.model_copy(update={"sha256": "e" * 64})})
    scores = scoring.scores.model_copy(update={"split": "validation"})
    foreign = render_page(replace(scoring, card=card, scores=scores), (), ())
    assert "were chosen on these pictures" in foreign
    assert "another import" in foreign


def test_light_dark_and_print_are_provided_for(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
