"""Weights in half the bytes."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import read_card, write_card
from mien.training.export.artefact import export_run
from mien.training.models.storage import FEWEST_VALUES, halve_weights, read_constants


def make_graph(**constants):
    """Return a graph of constants that nothing is computed with."""
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return helper.make_model(helper.make_graph([], "constants", [], [], tensors)).SerializeToString()


def test_large_constants_are_halved_and_come_back_rounded():
    values = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    halved = onnx.ModelProto.FromString(halve_weights(make_graph(weights=values)))
    (stored,) = halved.graph.initializer
    assert stored.data_type == onnx.TensorProto.FLOAT16
    back = read_constants(halved)
    assert set(back) == {"weights"}
    assert back["weights"].dtype == np.float32
    np.testing.assert_allclose(back["weights"], values, rtol=2**-11, atol=1e-7)
    assert (back["weights"] != values).any()  # it was rounded


def test_what_saves_nothing_or_cannot_be_held_stays():
    kept = {
        "few": np.ones(FEWEST_VALUES - 1, np.float32),
        "whole": np.arange(1000),
        "vast": np.full(1000, 1e6, np.float32),
        "broken": np.full(1000, np.nan, np.float32),
    }
    graph = make_graph(**kept)
    assert halve_weights(graph) == graph
    back = read_constants(onnx.ModelProto.FromString(graph))
    assert all(np.array_equal(back[name], value, equal_nan=value.dtype.kind == "f") for name, value in kept.items())


@pytest.fixture
def both(trained, tmp_path):
    """Return the same run's file in float16 and in float32."""
    for weights in ("float16", "float32"):
        export_run(trained, tmp_path / f"{weights}.onnx", weights=weights)
    return tmp_path / "float16.onnx", tmp_path / "float32.onnx"


def test_the_file_shrinks_and_answers_the_same(both):
    half, whole = both
    assert half.stat().st_size < 0.75 * whole.stat().st_size
    images = np.random.default_rng(0).integers(0, 256, (32, 48, 48), np.uint8)
    one, other = load_model(half).run(images), load_model(whole).run(images)
    np.testing.assert_allclose(one, other, atol=5e-3)
    assert (one != other).any()


def test_halving_twice_changes_nothing_more(both):
    data = both[0].read_bytes()
    card = read_card(data)
    assert write_card(halve_weights(data), card) == data
