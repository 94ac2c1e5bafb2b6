"""The follower's smoothing can be changed on the way."""

from __future__ import annotations

import pytest

pytest.importorskip("scipy", reason="tracking needs the video extra")

from mien.core.geometry import Box
from mien.core.results import Face, Quality
from mien.inference.track.follower import Follower
from mien.inference.track.smoothing import SmoothingSettings


def follow(follower: Follower, number: int, happy: float) -> tuple[int, float]:
    face = Face(Box(10, 10, 40, 40), 0.9, None, {"happy": happy, "sad": 1.0 - happy}, Quality(40.0))
    (one,) = follower.follow([face], frame=number, time_s=number / 25, width=100, height=100).sightings
    return one.person, one.probabilities["happy"]


def test_smoothing_can_be_switched_and_persons_keep_their_numbers():
    follower = Follower(smoothing=None)
    assert follow(follower, 0, 1.0) == (1, 1.0)
    assert follow(follower, 1, 0.0) == (1, 0.0)
    follower.smooth(SmoothingSettings())
    assert follow(follower, 2, 1.0) == (1, 1.0)  # what was before counts no more
    person, happy = follow(follower, 3, 0.0)
    assert person == 1
    assert 0.5 < happy < 1.0
    follower.smooth(None)
    assert follow(follower, 4, 0.0) == (1, 0.0)


def test_the_same_smoothing_again_changes_nothing():
    follower = Follower(smoothing=SmoothingSettings())
    follow(follower, 0, 1.0)
    follower.smooth(SmoothingSettings())
    assert follow(follower, 1, 0.0)[1] > 0.5
