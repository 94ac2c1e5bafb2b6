"""What a caption says where it is narrow: the expression's name goes last."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import pytest

from mien.inference.media.captions import Caption, Content, Form


class Said(NamedTuple):
    expression: str = "surprise"
    confidence: float = 0.7
    is_certain: bool = True


SURPRISE = Said()


def measure(
    widest: int, wished: int | None = None, *, person: int | None = 12, said: Said = SURPRISE, **form
) -> Caption:
    return Caption.measure(said, Form(13, **{"content": "whole", **form}), widest, person, wished)


def test_percent_then_number_then_the_wished_width_then_letters_are_given_up() -> None:
    shown = [(caption.name, caption.percent) for caption in (measure(400, wished) for wished in range(400, 20, -1))]
    assert [said for said, _ in groupby(shown)] == [
        ("12  surprise", "70%"),
        ("12  surprise", ""),
        ("surprise", ""),
        ("12  surprise", ""),
    ]
    shown = [(caption.name, caption.percent) for caption in (measure(widest, 30) for widest in range(400, 20, -1))]
    assert [said for said, _ in groupby(shown)][:4] == [
        ("12  surprise", ""),
        ("surprise", ""),
        ("surpri…", ""),
        ("surpr…", ""),
    ]


@pytest.mark.parametrize("content", ["whole", "percent", "name"])
@pytest.mark.parametrize("widest", [400, 120, 90, 70, 40, 10])
def test_no_caption_is_wider_than_it_may_be(content: Content, widest) -> None:
    for wished in (None, widest // 2):
        assert measure(widest, wished, content=content).width <= widest
        brief = measure(widest, wished, content=content, is_brief=True)
        assert brief.width <= (wished or widest)


@pytest.mark.parametrize("wished", [400, 100, 80, 60])
def test_a_persons_caption_keeps_its_form_while_the_confidence_changes(wished) -> None:
    captions = [
        measure(100, wished, said=Said(confidence=confidence, is_certain=confidence > 0.5))
        for confidence in (0.05, 0.5, 0.51, 0.99, 1.0)
    ]
    assert len({(caption.width, bool(caption.percent), caption.name.rstrip("?")) for caption in captions}) == 1


def test_a_photos_caption_gives_up_its_percent_before_its_word_is_cut() -> None:
    assert [(measure(widest, person=None).name, measure(widest, person=None).percent) for widest in (200, 80, 50)] == [
        ("surprise", "70%"),
        ("surprise", ""),
        ("surpr…", ""),
    ]
