"""What errors carry besides their text."""

from __future__ import annotations

import copy
import pickle

import pytest

from mien.apps.service.admission import Draining
from mien.apps.service.problems import Refusal
from mien.core.errors import InputError, MienError, MissingExtraError, MissingMediaError, UnreadableMediaError
from mien.inference.media.video.confined.bounds import VideoBoundError


@pytest.mark.parametrize("kind", [MienError, InputError, MissingMediaError])
def test_what_was_wrong_and_the_advice_stand_apart_and_the_text_is_both(kind) -> None:
    error = kind("a.mp4 is a folder.", advice="Name a file in it.")
    assert str(error) == "a.mp4 is a folder. Name a file in it."
    assert (error.what, error.advice) == ("a.mp4 is a folder.", "Name a file in it.")
    plain = kind("a.mp4 is empty.")
    assert (str(plain), plain.what, plain.advice) == ("a.mp4 is empty.", "a.mp4 is empty.", None)


@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_an_error_comes_out_of_another_process_as_it_went_in(clone) -> None:
    errors = (
        UnreadableMediaError("a is b.", advice="Do c."),
        MissingMediaError("a is b."),
        MissingExtraError("train", "torch"),
        VideoBoundError("too long.", "time"),
        Refusal("busy", "come back.", headers={"Retry-After": "5"}),
        Draining(),
    )
    for error in errors:
        found = clone(error)
        assert type(found) is type(error)
        assert (str(found), found.args, vars(found)) == (str(error), error.args, vars(error))


def test_what_is_missing_is_unreadable_and_has_a_code_of_its_own() -> None:
    assert issubclass(MissingMediaError, UnreadableMediaError)
    assert MissingMediaError.code != UnreadableMediaError.code
