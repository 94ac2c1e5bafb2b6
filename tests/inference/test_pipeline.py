"""From frames to who shows which expression when: in order, overlapped, in constant memory, and ended cleanly."""

import threading
import time

import numpy as np
import pytest

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.cuts import Cut
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.reader import open_video
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer
from mien.inference.track.looks import sketch
from mien.inference.track.tracker import Tracker

pytest.importorskip("av", reason="videos need the video extra")
pytest.importorskip("scipy", reason="tracking needs the video extra")


@pytest.fixture(scope="module")
def recognizer(model_file, detector_file) -> Recognizer:
    return Recognizer.load(model_file, detector=detector_file, threads=1)


def make_frames(number: int, rate: float = 25.0):
    for index in range(number):
        yield Frame(index, index / rate, np.full((96, 128, 3), 40 + index, np.uint8))


def test_each_frame_gives_a_moment_in_order_with_the_same_persons(recognizer) -> None:
    moments = list(Pipeline(recognizer, workers=3, min_score=0.1).run(make_frames(20)))
    assert [(moment.frame, moment.time_s) for moment in moments] == [(n, n / 25) for n in range(20)]
    assert {(moment.width, moment.height) for moment in moments} == {(128, 96)}
    assert {tuple(sorted(one.person for one in moment.sightings)) for moment in moments} == {(1, 2)}


def test_raw_probabilities_are_those_of_single_pictures_and_smoothing_can_be_left_out(recognizer) -> None:
    frames = list(make_frames(6))
    plain = list(Pipeline(recognizer, smoothing=None, workers=2).run(frames))
    smooth = list(Pipeline(recognizer, workers=2).run(frames))
    for frame, moment, smoothed in zip(frames, plain, smooth, strict=True):
        (face,) = recognizer.predict(frame.pixels)
        (one,), (other,) = moment.sightings, smoothed.sightings
        assert one.face == other.face == face
        assert (dict(one.probabilities), one.expression) == (dict(face.probabilities), face.expression)
    assert any(dict(one.sightings[0].probabilities) != dict(one.sightings[0].face.probabilities) for one in smooth[1:])


def test_a_frame_without_a_face_is_there_and_empty(recognizer) -> None:
    moments = list(Pipeline(recognizer, min_score=0.999).run(make_frames(3)))
    assert [moment.sightings for moment in moments] == [(), (), ()]


def test_a_file_is_opened_and_closed(recognizer, write_video) -> None:
    path = write_video(frames=12)
    assert [moment.frame for moment in Pipeline(recognizer).run(path)] == list(range(12))
    with open_video(path, every=5) as video:
        assert [moment.frame for moment in Pipeline(recognizer).run(video)] == [0, 5, 10]
    path.unlink()


def test_the_bytes_of_a_file_and_an_open_file_are_videos(recognizer, write_video) -> None:
    path = write_video(frames=4)
    with path.open("rb") as file:
        for video in (path.read_bytes(), file):
            assert [moment.frame for moment in Pipeline(recognizer).run(video)] == list(range(4))


def test_what_was_seen_before_an_error_is_told_before_it(recognizer) -> None:
    def break_off():
        yield from make_frames(5)
        raise UnreadableMediaError("the tape is torn")

    run = Pipeline(recognizer, workers=4).run(break_off())
    assert [next(run).frame for _ in range(5)] == list(range(5))
    with pytest.raises(UnreadableMediaError, match="torn"):
        next(run)


def test_time_that_goes_backward_is_refused(recognizer) -> None:
    frames = list(make_frames(3))
    with pytest.raises(InputError, match="before"):
        list(Pipeline(recognizer).run([frames[1], frames[0]]))


def test_frames_are_taken_only_a_few_ahead_and_threads_end(recognizer) -> None:
    taken = []

    def count():
        for frame in make_frames(1000):
            taken.append(frame.index)
            yield frame

    run = Pipeline(recognizer, workers=2).look(count())
    for number in range(10):
        assert next(run).moment.frame == number
        assert len(taken) <= number + 1 + 3
    run.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mien-look")]
    assert len(taken) < 20


def test_frames_are_read_at_the_same_time(recognizer, monkeypatch) -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def cut(picture: object, **_: object) -> Cut:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1
        return Cut("nothing", 128, 96, ())

    monkeypatch.setattr(recognizer, "cut", cut)
    list(Pipeline(recognizer, workers=3).run(make_frames(20)))
    assert most == 3
    most = 0
    list(Pipeline(recognizer).run(make_frames(5)))
    assert most == 1


def test_a_camera_is_told_before_its_next_frame_is_awaited(recognizer) -> None:
    class Camera:
        is_live = True

        def __init__(self) -> None:
            self.taken = 0

        def __iter__(self):
            for frame in make_frames(5):
                self.taken += 1
                yield frame

    camera = Camera()
    for number, _ in enumerate(Pipeline(recognizer, workers=4).run(camera)):
        assert camera.taken == number + 1


def test_two_videos_share_no_persons(recognizer) -> None:
    pipeline = Pipeline(recognizer, min_score=0.1)
    runs = [pipeline.run(make_frames(3)) for _ in range(2)]
    for moments in zip(*runs, strict=True):
        assert [sorted(one.person for one in moment.sightings) for moment in moments] == [[1, 2], [1, 2]]


def test_behind_a_cut_nobody_has_the_number_of_who_was_there(recognizer) -> None:
    shots = [np.random.default_rng(seed).integers(0, 256, (9, 8, 3), np.uint8) for seed in range(2)]
    shots = [np.kron(shot, np.ones((12, 16, 1), np.uint8)) for shot in shots]
    frames = [Frame(index, index / 25, shots[index // 5]) for index in range(10)]
    moments = list(Pipeline(recognizer).run(frames))
    assert [[one.person for one in moment.sightings] for moment in moments] == [[1]] * 5 + [[2]] * 5
    (first,) = moments[5].sightings
    assert first.probabilities == first.face.probabilities, "nor their expression"


@pytest.mark.parametrize("workers", [0, -1, "2", 1.5, True])
def test_no_workers_are_refused(recognizer, workers) -> None:
    with pytest.raises(InputError, match=f"from 1 on, got {workers!r}"):
        Pipeline(recognizer, workers=workers)


def test_the_tracker_is_given_each_faces_look(recognizer, monkeypatch) -> None:
    given = []
    real = Tracker.update

    def spy(self, found, time_s, looks=None, **others):
        given.append((len(found), looks))
        return real(self, found, time_s, looks, **others)

    monkeypatch.setattr(Tracker, "update", spy)
    frames = list(make_frames(3))
    list(Pipeline(recognizer, workers=2, min_score=0.1).run(frames))
    assert [count for count, _ in given] == [2, 2, 2]
    for frame, (_, looks) in zip(frames, given, strict=True):
        cut = recognizer.cut(frame.pixels, name="again", min_score=0.1)
        assert [look.tolist() for look in looks] == [sketch(face.crop).tolist() for face in cut.faces]


@pytest.mark.parametrize("frames", [0, None, 2.5])
def test_what_is_no_video_is_refused(recognizer, frames) -> None:
    with pytest.raises(InputError, match='a camera such as "camera:0", or frames, got'):
        list(Pipeline(recognizer).run(frames))


def test_pictures_are_no_frames(recognizer) -> None:
    mixed = [*make_frames(2), np.zeros((96, 128, 3), np.uint8)]
    run = Pipeline(recognizer).run(mixed)
    assert [next(run).frame, next(run).frame] == [0, 1]
    with pytest.raises(InputError, match=r"got ndarray\. .*Frame\(index, time_s, pixels\)"):
        next(run)


def test_a_frame_that_is_no_picture_is_refused(recognizer) -> None:
    with pytest.raises(InputError):
        list(Pipeline(recognizer).run([Frame(0, 0.0, np.zeros((4, 4, 3)))]))
