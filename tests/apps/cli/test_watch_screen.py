"""The live table on terminals of any width."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live

from mien.apps.cli.watch_screen import LiveTable
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality


def see(person: int, expression: str, confidence: float, labels: tuple[str, ...] = EXPRESSIONS) -> Sighting:
    others = [label for label in labels if label != expression]
    probabilities = {**dict.fromkeys(others, (1 - confidence) / len(others)), expression: confidence}
    face = Face(Box(1.0, 2.0, 30.0, 40.0), 0.9, None, probabilities, Quality(100))
    return Sighting(person, face, probabilities, expression)


def show(width: int, *sightings: Sighting, time_s: float = 2.0) -> list[str]:
    """Return the lines that a terminal of this width shows."""
    console = Console(file=io.StringIO(), width=width, height=30, force_terminal=True, color_system=None)
    table = LiveTable(Live(console=console))
    for now in (0.0, time_s):
        table.show(Moment(round(now * 30), now, 640, 480, sightings))
    lines = console.render_lines(table._live.renderable, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


TWO = (see(1, "surprise", 0.4), see(2, "happy", 0.93))


@pytest.mark.parametrize("width", range(1, 140))
def test_no_width_fails_or_is_left_empty(width) -> None:
    for seen in (
        (),
        TWO,
        (
            see(
                123,
                "a label of ones own as long as a sentence",
                0.9,
                ("a label of ones own as long as a sentence", "calm"),
            ),
        ),
    ):
        lines = show(width, *seen)
        assert all(cell_len(line) <= width for line in lines)
        assert any(letter.isalnum() or letter == "…" for line in lines for letter in line)


@pytest.mark.parametrize("width", [20, 24, 35, 36, 50, 51, 73, 74, 80, 200])
def test_from_twenty_columns_on_all_persons_are_read_with_their_expressions(width) -> None:
    text = "\n".join(show(width, *TWO))
    for word in ("person", "expression", "surprise?", "happy", "0:02.0"):
        assert word in text, text
    assert ("…" in text) is False
    assert ("40%" in text) is (width >= 36)
    assert ("█" in text) is (width >= 51)
    assert ("here for" in text) is (width >= 74)
    assert ("Ctrl-C ends" in text) is (width >= 39)
    assert "happy?" not in text


@pytest.mark.parametrize(
    ("width", "line"), [(19, "1 surprise?, 2 hap…"), (16, "1 surprise?, 2 …"), (12, "1 surprise?…"), (6, "1 sur…")]
)
def test_below_there_is_one_plain_line(width, line) -> None:
    assert show(width, *TWO) == [line]
    assert show(width) == ["no face" if width >= 7 else "no fa…"]


def test_a_long_label_leaves_the_other_columns_whole() -> None:
    labels = ("a label of ones own as long as a sentence may be", "calm")
    for width in (20, 36, 51, 74):
        text = "\n".join(show(width, see(123, labels[0], 0.9, labels)))
        assert "123" in text
        assert "a label" in text
        assert "…" in text
        assert "person" in text
        assert ("90%" in text) is (width >= 36)
    assert labels[0] in "\n".join(show(140, see(123, labels[0], 0.9, labels))), "the control"
