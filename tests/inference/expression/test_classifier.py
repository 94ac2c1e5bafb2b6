import numpy as np
import pytest

from mien.core.errors import InputError
from mien.inference.expression import classifier as module
from mien.inference.expression.classifier import BATCH_SIZE, Classifier
from mien.inference.expression.model import LoadedModel, load_model


@pytest.fixture
def model(model_file) -> LoadedModel:
    return load_model(model_file, threads=1)


def test_crops_of_the_models_size_reach_it_bit_for_bit(model, crops) -> None:
    np.testing.assert_allclose(Classifier(model).classify(crops), model.run(crops), atol=1e-6)


def test_a_list_of_crops_of_different_sizes_and_colors_is_taken(model, crops) -> None:
    mixed = [crops[0], np.repeat(crops[1][:, :, None], 3, axis=2), crops[2].repeat(2, 0).repeat(2, 1)]
    np.testing.assert_allclose(Classifier(model).classify(mixed), model.run(crops[:3]), atol=1e-6)


def test_crops_enlarged_21_times_are_read_as_the_crops_themselves(model, crops) -> None:
    large = [np.kron(crop, np.ones((21, 21), np.uint8)) for crop in crops]
    assert large[0].shape == (1008, 1008)
    expected = model.run(crops)
    assert len(set(expected.argmax(axis=1))) > 1, "the control: one answer for all would show nothing"
    np.testing.assert_allclose(Classifier(model).classify(large), expected, atol=1e-6)


def test_long_batches_are_cut_into_pieces_and_keep_their_order(model, monkeypatch) -> None:
    many = np.random.default_rng(2).integers(0, 256, (2 * BATCH_SIZE + 3, 48, 48), np.uint8)
    sizes: list[int] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda images: (sizes.append(len(images)), run(images))[1])
    found = Classifier(model).classify(many)
    assert max(sizes) == BATCH_SIZE
    assert len([size for size in sizes if size]) == 3, "batches are computed as batches"
    np.testing.assert_allclose(found, run(many), atol=1e-6)


def test_a_model_of_colors_gets_colors(build_model, tmp_path, crops) -> None:
    path = tmp_path / "rgb.onnx"
    path.write_bytes(build_model(("calm", "tense"), color="rgb", size_px=32))
    model = load_model(path)
    found = Classifier(model).classify(crops)
    assert found.shape == (5, 2)
    color = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(Classifier(model).classify(color), model.run(color), atol=1e-6)


@pytest.mark.parametrize("empty", [[], (), np.zeros((0, 48, 48), np.uint8), np.zeros((0, 9, 9, 3), np.uint8)])
def test_no_crops_give_no_rows(model, empty) -> None:
    found = Classifier(model).classify(empty)
    assert found.shape == (0, 7)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (np.zeros((48, 48), np.uint8), r"crop\[None\]"),
        (np.zeros((48, 48, 3), np.uint8), r"crop\[None\]"),
        (np.zeros((2, 48, 48)), "astype"),
        (np.full((2, 48, 48), np.nan, np.float32), "NaN"),
        (np.zeros((2, 48, 48, 4), np.uint8), "4 colors"),
        (np.zeros((0, 48, 48, 1), np.uint8), "1 colors"),
        (np.zeros((2, 1, 48, 48, 3), np.uint8), "shape"),
        (np.zeros((2, 1, 48), np.uint8), "at least 2 pixels"),
        ([np.zeros((0, 5), np.uint8)], "at least 2 pixels"),
        ([np.zeros(5, np.uint8)], "shape"),
        ([np.zeros((5, 5))], "float64"),
        ([[1, 2], [3, 4]], "list among the crops"),
        (["face.png"], "str among the crops"),
        ("face.png", "str"),
        (None, "NoneType"),
    ],
)
def test_crops_of_another_kind_are_refused_with_what_they_should_be(model, wrong, hint) -> None:
    with pytest.raises(InputError, match=hint):
        Classifier(model).classify(wrong)


def test_memory_does_not_grow_with_the_size_of_the_crops_of_a_batch(model, monkeypatch) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    held: list[int] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda images: (held.append(images.nbytes), run(images))[1])
    Classifier(model).classify([np.zeros((400, 400, 3), np.uint8)] * 5)
    assert max(held) == 2 * 48 * 48
