"""Memory stays flat over a long video: tracker, smoothing, insights and the growing CSV keep no frame.

`benchmarks/soak.py` does it for 100,000 frames, with the bundled models and the overlay, for the whole process.
"""

import gc
import tracemalloc

import numpy as np
import pytest

from mien.apps.cli.growing import GrowingCsv
from mien.apps.cli.moment_rows import MomentRows, list_columns
from mien.inference.insights.collector import Insights
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.video.frames import Frame
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer

pytest.importorskip("scipy", reason="tracking needs the video extra")

FRAMES, FEW = 1050, 350
STAY = 15
"""Frames after which the two faces are away for 3 s: whoever comes then has a new number."""

LIMITS = InsightSettings(max_persons=40, max_episodes=20, max_bins=40)
"""So that what insights may keep is full within the first third: each person they tell of has an episode at least."""

MOST_KB = 58
"""So much may be held more at the end than after the first third: 85 bytes a frame. A moment takes thousands."""


def make_frames(frames):
    """Yield noise, in which the fixed detector finds its two faces."""
    noise = np.random.default_rng(0)
    for number in range(frames):
        yield Frame(number, number / 25 + 3.0 * (number // STAY), noise.integers(0, 256, (48, 64, 3), dtype=np.uint8))


def watch(pipeline, path, frames, keep=lambda look: None):
    """Watch frames as `mien watch` does; return kilobytes held more at the end than after a third, and all insights."""
    insights, held = Insights(LIMITS), []
    tracemalloc.start()
    try:
        with GrowingCsv.create(path, list_columns(pipeline.recognizer.labels)) as table:
            rows = MomentRows(table, pipeline.recognizer.labels)
            for number, look in enumerate(pipeline.look(make_frames(frames)), 1):
                insights.add(look.moment)
                rows.write(look.moment)
                keep(look)
                if number in (frames // 3, frames):
                    gc.collect()
                    held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert table.rows == 2 * frames
    return (held[1] - held[0]) / 1024, insights.summarize()


@pytest.fixture
def pipeline(model_file, detector_file):
    return Pipeline(Recognizer.load(model_file, detector=detector_file, threads=1), workers=2, min_score=0.1)


def test_memory_is_flat_over_a_long_video(pipeline, tmp_path):
    grown_kb, shown = watch(pipeline, tmp_path / "rows.csv", FRAMES)
    assert grown_kb < MOST_KB
    # Numbers grew, and limits were reached in the first third: else it could not be told from what insights may keep.
    assert len(shown.persons) + shown.persons_left_out == 2 * FRAMES // STAY > 3 * LIMITS.max_persons
    assert len(shown.episodes) == LIMITS.max_episodes
    assert shown.episodes_left_out > 0


@pytest.mark.parametrize("kept", ["frame", "moment"])
def test_whatever_keeps_frames_or_moments_is_noticed(pipeline, tmp_path, kept):
    everything = []
    grown_kb, _ = watch(pipeline, tmp_path / "rows.csv", FEW, lambda look: everything.append(getattr(look, kept)))
    assert len(everything) == FEW
    assert grown_kb > 10 * MOST_KB  # though it is a third of the frames
