import pytest
from pydantic import ValidationError

from mien.training.data.faces.sections import Scenes, Weather
from mien.training.fit.faces.recipe import Costs

SECTIONS = (Scenes, Weather, Costs)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_field_has_a_default_and_says_what_it_does(section):
    section()
    assert all(field.description for field in section.model_fields.values())


@pytest.mark.parametrize("section", SECTIONS)
def test_unknown_fields_text_and_infinity_are_refused(section):
    name = list(section.model_fields)[-1]
    for wrong in ({"colour": 1.0}, {name: "0.5"}, {name: float("nan")}, {name: float("inf")}, {name: -1.0}):
        with pytest.raises(ValidationError):
            section(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_px": 100},  # no multiple of 32
        {"size_px": 32},
        {"size_px": 320.0},
        {"target_face_px": 0.0},
        {"largest_face": 1.1},
        {"rotation_deg": 181.0},
        {"aspect": 1.0},
        {"flip": 1.5},
    ],
)
def test_scenes_that_can_not_be_drawn_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Scenes(**wrong)


def test_sections_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Costs().score = 2.0
