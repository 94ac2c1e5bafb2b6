"""Memory stays flat over a long video: tracker, smoothing, insights, overlay and the growing CSV keep no frame.

`benchmarks/soak.py` does the same for 100,000 frames with the bundled models, and measures the whole process.
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
from mien.inference.media.video.overlay import Overlay
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer

pytest.importorskip("scipy", reason="tracking needs the video extra")

FRAMES = 3000
STAY = 25
"""Frames after which the two faces are away for 3 s: whoever comes then has a new number."""

LIMITS = InsightSettings(max_persons=40, max_episodes=40, max_bins=40)
"""So that what insights may keep is full within the first third."""

MOST_KB = 100
"""So much may be held more at the end than after the first third: 50 bytes a frame. A moment takes thousands."""


def make_frames():
    """Yield noise, in which the fixed detector finds its two faces."""
    noise = np.random.default_rng(0)
    for number in range(FRAMES):
        yield Frame(number, number / 25 + 3.0 * (number // STAY), noise.integers(0, 256, (48, 64, 3), dtype=np.uint8))


def watch(pipeline, path, keep=lambda look: None):
    """Watch all frames as `mien watch` does; return kilobytes held more at the end than after a third, and persons."""
    insights, overlay, persons, held = Insights(LIMITS), Overlay(), set(), []
    tracemalloc.start()
    try:
        with GrowingCsv.create(path, list_columns(pipeline.recognizer.labels)) as table:
            rows = MomentRows(table, pipeline.recognizer.labels)
            for number, look in enumerate(pipeline.look(make_frames()), 1):
                insights.add(look.moment)
                rows.write(look.moment)
                overlay.draw(look.frame.pixels, look.moment)
                keep(look)
                persons = {sighting.person for sighting in look.moment.sightings}
                if number in (FRAMES // 3, FRAMES):
                    gc.collect()
                    held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    shown = insights.summarize()
    assert table.rows == 2 * FRAMES
    assert (len(shown.persons), len(shown.episodes)) == (LIMITS.max_persons, LIMITS.max_episodes)
    return (held[1] - held[0]) / 1024, max(persons)


@pytest.fixture
def pipeline(model_file, detector_file):
    return Pipeline(Recognizer.load(model_file, detector=detector_file, threads=1), workers=2, min_score=0.1)


def test_memory_is_flat_over_a_long_video(pipeline, tmp_path):
    grown_kb, persons = watch(pipeline, tmp_path / "rows.csv")
    assert persons == 2 * FRAMES // STAY  # numbers grow, and with them whatever is kept for each
    assert grown_kb < MOST_KB


@pytest.mark.parametrize("kept", ["frame", "moment"])
def test_whatever_keeps_frames_or_moments_is_noticed(pipeline, tmp_path, kept):
    everything = []
    grown_kb, _ = watch(pipeline, tmp_path / "rows.csv", lambda look: everything.append(getattr(look, kept)))
    assert len(everything) == FRAMES
    assert grown_kb > 20 * MOST_KB
