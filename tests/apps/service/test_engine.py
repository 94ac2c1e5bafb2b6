"""The engine reads what it admits, no more than that, in few threads, and ends in good order."""

import asyncio
import gc
import io
import threading
import time
import weakref

import numpy as np
import pytest
from PIL import Image

from mien.apps.service.admission import LONGEST_RETRY_S, Busy, Draining
from mien.apps.service.engine import CROWD, Engine
from mien.apps.service.settings import ServiceSettings
from mien.core.errors import InputError, ModelError
from mien.core.results import Picture
from mien.inference.cuts import Cut
from mien.inference.recognizer import Recognizer

SOON_S = 10.0


def encode(pixels: np.ndarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


@pytest.fixture
def settings(model_file, detector_file) -> ServiceSettings:
    return ServiceSettings(model=str(model_file), detector=str(detector_file), readers=2, threads=1)


class FakeRecognizer:
    """Cuts nothing; each picture is held until it is let through."""

    def __init__(self) -> None:
        self.passes = threading.Semaphore(0)
        self.begun: list[str] = []
        self.done: list[str] = []

    def cut(self, picture, *, name, **_):
        self.begun.append(name)
        assert self.passes.acquire(timeout=SOON_S)
        self.done.append(name)
        if name == "broken":
            raise ModelError("broken")
        return Cut(name, 1, 1, ())

    def describe(self, cuts):
        return [Picture(cut.name, cut.width, cut.height, faces=()) for cut in cuts]


@pytest.fixture
def fake() -> FakeRecognizer:
    return FakeRecognizer()


def open_fake(fake, *, readers=1, max_waiting=8, **callbacks) -> Engine:
    return Engine(fake, readers=readers, max_waiting=max_waiting, max_pixels=10**6, **callbacks)


async def until(holds) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(SOON_S):
        while not holds():
            await asyncio.sleep(0.001)


# --- what is read ---------------------------------------------------------------------------------------------------


def test_answers_equal_those_of_the_recognizer_and_faces_go_together(settings, photo):
    batches, readings = [], []
    pictures = [encode(np.roll(photo, 9 * number, axis=1)) for number in range(12)]

    async def ask():
        engine = Engine.open(settings, on_batch=batches.append, on_reading=readings.append)
        with engine.admission.admit(len(pictures)):
            assert engine.admission.waiting == 12
            jobs = (engine.read(data, name=f"picture {n}", min_score=0.2) for n, data in enumerate(pictures))
            found = await asyncio.gather(*jobs)
        assert engine.admission.waiting == 0
        await engine.close(SOON_S)
        return found

    found = asyncio.run(ask())
    recognizer = Recognizer.load(settings.model, detector=settings.detector, threads=1)
    expected = list(recognizer.predict_each(pictures, min_score=0.2))
    assert [picture.source for picture in found] == [picture.source for picture in expected]
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.width, mine.height, len(mine.faces)) == (200, 120, 2)
        for face, other in zip(mine.faces, theirs.faces, strict=True):
            assert face.box == other.box
            assert list(face.probabilities.values()) == pytest.approx(list(other.probabilities.values()), abs=1e-6)
    assert sum(batches) == 24
    assert len(readings) == 12
    assert all(reading.waited_s >= 0 and reading.took_s > 0 for reading in readings)
    assert max(reading.waited_s for reading in readings) > min(reading.took_s for reading in readings)


class FacesRecognizer:
    """Finds as many faces as a picture's name says, and holds each batch until it is let through."""

    def __init__(self) -> None:
        self.passes = threading.Semaphore(0)
        self.begun: list[str] = []
        self.batches: list[list[str]] = []

    def cut(self, picture, *, name, **_):
        self.begun.append(name)
        return Cut(name, 1, 1, (None,) * int(name))

    def describe(self, cuts):
        self.batches.append([cut.name for cut in cuts])
        assert self.passes.acquire(timeout=SOON_S)
        return [Picture(cut.name, cut.width, cut.height, faces=()) for cut in cuts]


def test_faces_of_several_requests_are_classified_in_one_call_and_those_of_a_crowd_at_once():
    recognizer, told = FacesRecognizer(), []

    async def ask():
        engine = Engine(recognizer, readers=6, max_waiting=64, max_pixels=10**6, on_batch=told.append)
        jobs = []
        for name in ("1", "1", "1", "2", "3", "4", str(CROWD), "0"):  # three lanes, and so three that wait
            jobs.append(asyncio.create_task(request(engine, b"", name)))
            if len(jobs) == 3:
                await until(lambda: len(recognizer.batches) == 3)
        await until(lambda: len(engine._batcher._line) == 3)
        recognizer.passes.release(9)
        found = await asyncio.gather(*jobs)
        await engine.close(SOON_S)
        return found

    found = asyncio.run(ask())
    assert [picture.source for picture in found] == ["1", "1", "1", "2", "3", "4", str(CROWD), "0"]
    batches = sorted(sorted(batch) for batch in recognizer.batches)
    assert batches == [["0"], ["1"], ["1"], ["1"], ["2", "3", "4"], [str(CROWD)]]
    assert sorted(told) == [1, 1, 1, CROWD, 9]  # a picture without a face is no batch


def test_a_crop_is_read_whole(settings, crops):
    async def ask():
        engine = Engine.open(settings)
        with engine.admission.admit(1):
            picture = await engine.read(encode(crops[0]), name="crop", crops=True)
            tiny = await engine.read(np.zeros((1, 1), np.uint8), name="tiny", crops=True)
            with pytest.raises(InputError, match="in a crop nobody looks"):
                await engine.read(encode(crops[0]), name="crop", crops=True, min_score=0.5)
        await engine.close(SOON_S)
        return picture, tiny

    picture, tiny = asyncio.run(ask())
    (face,) = picture.faces
    assert (face.box.to_list(), face.score) == ([0, 0, 48, 48], None)
    assert tiny.error["code"] == "bad_input"


def test_what_can_not_be_read_is_an_answer_and_wrong_keywords_are_not(settings, photo):
    small = settings.model_copy(update={"max_pixels": 20_000})
    bomb = b"P5 %d %d 255\n" % (4000, 4000)

    async def ask():
        engine = Engine.open(small)
        with engine.admission.admit(3):
            found = [await engine.read(data, name="one") for data in (b"no picture", bomb, encode(photo))]
            with pytest.raises(InputError, match="max_side_px"):
                await engine.read(encode(photo[:50]), name="one", max_side_px=3)
            assert (await engine.read(encode(photo[:50]), name="one")).error is None
        await engine.close(SOON_S)
        return found

    found = asyncio.run(ask())
    assert [picture.error["code"] for picture in found] == ["unreadable_media"] + ["too_many_pixels"] * 2
    assert "4000 x 4000" in found[1].error["message"]
    assert "up to 0.02 million" in found[2].error["message"]


def test_models_that_are_not_there_are_told_when_it_opens(settings):
    for field in ("model", "detector"):
        with pytest.raises(ModelError, match=r"absent\.onnx"):
            Engine.open(settings.model_copy(update={field: "./absent.onnx"}))


def test_the_error_of_a_model_reaches_its_request_alone(fake):
    async def ask():
        engine = open_fake(fake)
        fake.passes.release(2)
        with engine.admission.admit(2):
            ends = await asyncio.gather(
                *(engine.read(b"", name=name) for name in ("broken", "sound")), return_exceptions=True
            )
        await engine.close(SOON_S)
        return ends

    broken, sound = asyncio.run(ask())
    assert isinstance(broken, ModelError)
    assert sound.faces == ()


# --- what is admitted -----------------------------------------------------------------------------------------------


def test_no_more_are_admitted_than_may_wait(fake):
    async def ask():
        engine = open_fake(fake, max_waiting=4)
        with engine.admission.admit(3):
            with pytest.raises(Busy, match="3 pictures wait, at most 4 may") as refused, engine.admission.admit(2):
                pass
            assert 1 <= refused.value.retry_after_s <= LONGEST_RETRY_S
            assert engine.admission.waiting == 3
            with (
                engine.admission.admit(1),
                pytest.raises(Busy),
                engine.admission.admit(0),
            ):  # whether there is room may be asked
                pass
            with engine.admission.admit(0):
                assert engine.admission.waiting == 3
        with pytest.raises(InputError, match="at most 4 pictures here, got 5"), engine.admission.admit(5):
            pass
        with pytest.raises(ZeroDivisionError), engine.admission.admit(4):
            raise ZeroDivisionError
        assert engine.admission.waiting == 0
        await engine.close(SOON_S)

    asyncio.run(ask())


def test_how_many_wait_is_told_whenever_it_changes(fake):
    async def ask():
        told = []
        engine = open_fake(fake, on_waiting=told.append)
        with engine.admission.admit(3), engine.admission.admit(0), engine.admission.admit(2):
            pass
        with pytest.raises(InputError), engine.admission.admit(9):
            pass
        await engine.close(SOON_S)
        return told

    assert asyncio.run(ask()) == [3, 5, 3, 0]


def test_the_longer_pictures_take_the_later_one_is_told_to_come_back(fake):
    async def ask():
        engine = open_fake(fake, max_waiting=40)
        engine._mean_s = 0.5
        with engine.admission.admit(40), pytest.raises(Busy) as refused, engine.admission.admit(1):
            pass
        engine._mean_s = 1000.0
        with engine.admission.admit(40), pytest.raises(Busy) as latest, engine.admission.admit(1):
            pass
        await engine.close(SOON_S)
        return refused.value.retry_after_s, latest.value.retry_after_s

    assert asyncio.run(ask()) == (20, LONGEST_RETRY_S)


def test_as_many_are_read_at_once_as_there_are_readers(fake):
    async def ask():
        engine = open_fake(fake, readers=3)
        with engine.admission.admit(8):
            jobs = [asyncio.create_task(engine.read(b"", name=str(n))) for n in range(8)]
            await until(lambda: len(fake.begun) == 3)
            await asyncio.sleep(0.05)
            assert len(fake.begun) == 3
            fake.passes.release(8)
            found = await asyncio.gather(*jobs)
        await engine.close(SOON_S)
        return found

    assert [picture.source for picture in asyncio.run(ask())] == [str(n) for n in range(8)]
    assert sorted(fake.begun) == [str(n) for n in range(8)]


def test_a_thread_that_can_not_be_had_costs_no_place(fake, monkeypatch):
    async def ask():
        engine = open_fake(fake)
        with monkeypatch.context() as broken:
            broken.setattr(engine._pool, "submit", lambda _: 1 / 0)
            for _ in range(3):
                with pytest.raises(ZeroDivisionError):
                    await request(engine, b"", "lost")
        fake.passes.release()
        async with asyncio.timeout(SOON_S):
            found = await request(engine, b"", "read")
        await engine.close(SOON_S)
        return found

    assert asyncio.run(ask()).source == "read"


# --- clients that are gone ------------------------------------------------------------------------------------------


async def request(engine, data, name):
    with engine.admission.admit(1):
        return await engine.read(data, name=name)


def test_a_cancelled_request_frees_its_place_and_is_not_begun_and_not_kept(fake):
    async def ask():
        engine = open_fake(fake, max_waiting=2)
        first = asyncio.create_task(request(engine, b"", "first"))
        await until(lambda: fake.begun)
        kept = []
        for number in range(50):
            data = np.zeros((9, 9), np.uint8)
            kept.append(weakref.ref(data))
            gone = asyncio.create_task(request(engine, data, str(number)))
            del data
            await asyncio.sleep(0)
            assert engine.admission.waiting == 2
            gone.cancel()
            await asyncio.wait([gone])
            del gone
            assert engine.admission.waiting == 1
        gc.collect()
        assert not any(ref() for ref in kept)
        fake.passes.release(2)
        await first
        last = await request(engine, b"", "last")
        await engine.close(SOON_S)
        return last

    assert asyncio.run(ask()).source == "last"
    assert fake.begun == ["first", "last"]


def test_a_cancelled_picture_that_is_being_read_holds_its_thread_to_the_end(fake):
    async def ask():
        engine = open_fake(fake)
        gone = asyncio.create_task(request(engine, b"", "gone"))
        await until(lambda: fake.begun)
        gone.cancel()
        await asyncio.wait([gone])
        assert engine.admission.waiting == 0
        others = [asyncio.create_task(request(engine, b"", str(n))) for n in range(3)]
        await asyncio.sleep(0.05)
        assert fake.begun == ["gone"]
        assert engine._pool._work_queue.empty()  # nothing heaps up where nobody could take it back
        fake.passes.release(4)
        await asyncio.gather(*others)
        await engine.close(SOON_S)

    asyncio.run(ask())
    assert fake.done == ["gone", "0", "1", "2"]


# --- the end --------------------------------------------------------------------------------------------------------


def test_closing_finishes_what_was_accepted_and_takes_nothing_new(fake):
    async def ask():
        engine = open_fake(fake)
        assert not engine.admission.is_draining
        jobs = [asyncio.create_task(request(engine, b"", str(n))) for n in range(3)]
        await until(lambda: fake.begun)
        closing = asyncio.create_task(engine.close(SOON_S))
        await asyncio.sleep(0)
        assert engine.admission.is_draining
        with pytest.raises(Draining) as refused, engine.admission.admit(1):
            pass
        assert (refused.value.code, refused.value.retry_after_s > 0) == ("draining", True)
        await asyncio.sleep(0.02)
        assert not closing.done()
        fake.passes.release(3)
        found = await asyncio.gather(*jobs)
        await closing
        return found

    assert [picture.source for picture in asyncio.run(ask())] == ["0", "1", "2"]


def test_who_waits_longer_than_the_drain_is_told_so(fake):
    async def ask():
        engine = open_fake(fake)
        jobs = [asyncio.create_task(request(engine, b"", str(n))) for n in range(3)]
        await until(lambda: fake.begun)
        began = time.perf_counter()
        await engine.close(0.05)
        assert time.perf_counter() - began < SOON_S / 2
        fake.passes.release(3)
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, *others = asyncio.run(ask())
    assert first.source == "0"
    assert [type(other) for other in others] == [Draining, Draining]
    assert fake.begun == ["0"]


def test_an_idle_engine_closes_at_once(fake):
    async def close():
        engine = open_fake(fake)
        await engine.close(1000.0)
        await engine.close(1000.0)

    began = time.perf_counter()
    asyncio.run(close())
    assert time.perf_counter() - began < SOON_S


def test_closing_leaves_no_thread(settings, photo):
    async def ask():
        before = set(threading.enumerate())
        engine = Engine.open(settings)
        with engine.admission.admit(4):
            await asyncio.gather(*(engine.read(photo, name="photo") for _ in range(4)))
        assert set(threading.enumerate()) - before
        await engine.close(SOON_S)
        await until(lambda: not set(threading.enumerate()) - before)

    asyncio.run(ask())
