"""Scenes whose truth is known, and the plain tracker, from the benchmark's files."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.geometry import Box
from mien.core.results import Detection

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))  # as when a benchmark is started


@pytest.fixture(scope="session")
def tracking():
    """Return the module `benchmarks/tracking.py`."""
    import tracking

    return tracking


def _find(x, y=100.0, size=50.0, score=0.9):
    return Detection(Box(x - size / 2, y - size / 2, size, size), score, np.zeros((5, 2), np.float32))


@pytest.fixture(scope="session")
def find():
    """`find(x, y, size, score)` returns a detection around a center."""
    return _find
