import numpy as np
import pytest

from mien.core.errors import InputError, ModelError
from mien.inference.runtime.session import count_threads
from mien.inference.timing.models import MAX_BATCH, TURNS, Timing, time_classifier, time_detector

PICTURES = [np.zeros((48, 64, 3), np.uint8), np.zeros((90, 160, 3), np.uint8)]


def check(timings: list[Timing]) -> None:
    for timing in timings:
        assert 0 < timing.p50_ms <= timing.p95_ms
        assert timing.calls >= TURNS
        assert timing.calls % TURNS == 0
        assert timing.per_second == pytest.approx(timing.count * 1000 / timing.p50_ms)


def test_a_model_is_timed_alone_and_in_batches_with_every_number_of_threads(model_file) -> None:
    timings = time_classifier(model_file, threads=(2, 1), batch_size=5, seconds=0.05)
    assert [(timing.threads, timing.shown, timing.count) for timing in timings] == [
        (1, "1 face", 1),
        (1, "5 faces", 5),
        (2, "1 face", 1),
        (2, "5 faces", 5),
    ]
    check(timings)


def test_the_default_is_one_thread_and_the_processors_at_hand(model_file) -> None:
    timings = time_classifier(model_file, seconds=0.05)
    assert [timing.threads for timing in timings if timing.count == 1] == sorted({1, count_threads(None)})
    assert {timing.count for timing in timings} == {1, 64}


def test_nothing_is_measured_twice(model_file) -> None:
    timings = time_classifier(model_file, threads=(1, 1), batch_size=1, seconds=0.05)
    assert [(timing.threads, timing.shown) for timing in timings] == [(1, "1 face")]


def test_the_faces_are_of_the_models_size_and_color(tmp_path, build_model) -> None:
    path = tmp_path / "rgb.onnx"
    path.write_bytes(build_model(color="rgb", size_px=20))
    check(time_classifier(path, threads=(1,), batch_size=2, seconds=0.05))


def test_a_detector_is_timed_by_the_size_of_the_picture(detector_file) -> None:
    timings = time_detector(detector_file, PICTURES, threads=(1, 2), seconds=0.05)
    assert [(timing.threads, timing.shown, timing.count) for timing in timings] == [
        (1, "64x48", 1),
        (1, "160x90", 1),
        (2, "64x48", 1),
        (2, "160x90", 1),
    ]
    check(timings)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_time_that_is_none_is_refused_before_the_model_is_read(seconds) -> None:
    with pytest.raises(InputError, match="seconds to measure"):
        time_classifier("absent.onnx", seconds=seconds)
    with pytest.raises(InputError, match="seconds to measure"):
        time_detector("absent.onnx", PICTURES, seconds=seconds)


@pytest.mark.parametrize("batch_size", [0, -3, MAX_BATCH + 1, 2.0, True])
def test_a_batch_out_of_range_is_refused(model_file, batch_size) -> None:
    with pytest.raises(InputError, match=f"from 1 to {MAX_BATCH} faces, got"):
        time_classifier(model_file, batch_size=batch_size)


@pytest.mark.parametrize("threads", [(0,), (1, 9999), ()])
def test_threads_out_of_range_are_refused(model_file, threads) -> None:
    with pytest.raises(InputError, match="threads"):
        time_classifier(model_file, threads=threads)


@pytest.mark.parametrize("pictures", [[], [PICTURES[0], PICTURES[0].copy()]])
def test_a_detector_needs_pictures_of_different_sizes(detector_file, pictures) -> None:
    with pytest.raises(InputError, match="different sizes, got"):
        time_detector(detector_file, pictures)


def test_a_model_for_the_other_task_is_refused(model_file, detector_file) -> None:
    with pytest.raises(ModelError, match="for expression, here one for faces"):
        time_detector(model_file, PICTURES)
    with pytest.raises(ModelError, match="for faces, here one for expression"):
        time_classifier(detector_file)
