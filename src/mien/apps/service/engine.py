"""What reads the pictures of all requests: a bounded number of them at once, and their faces together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.apps.service.admission import Admission, Draining
from mien.apps.service.batching import Batcher
from mien.apps.service.settings import ServiceSettings
from mien.core.results import Picture
from mien.inference.cuts import Cut
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.session import count_processors

CROWD: Final = 8
"""Faces of a picture from which on it gains nothing by company: it is a batch of its own, at once."""

_FIRST_GUESS_S: Final = 0.05  # of a picture's reading, before any was read
_NEWEST_SHARE: Final = 0.1  # of the newest reading in the running mean


class Reading(NamedTuple):
    """A picture that was read, and how long that took.

    Attributes:
        picture: Its faces, or why it can't be read.
        waited_s: Seconds until a thread was free for it.
        took_s: Seconds from then to the answer.
        cut: The faces as the model was shown them, in the order of the picture's.
    """

    picture: Picture
    waited_s: float
    took_s: float
    cut: Cut


def open_models(settings: ServiceSettings) -> Recognizer:
    """Open the models, and let them read an empty picture: whatever is wrong with them shows here.

    Args:
        settings: Name the models.

    Raises:
        InputError: If the number of threads can't be used.
        ModelError: If a model is absent, damaged or of another kind.
    """
    recognizer = Recognizer.load(
        settings.model, labels=settings.labels, detector=settings.detector, threads=settings.threads or 1
    )
    recognizer.predict(np.zeros((64, 64, 3), np.uint8))
    return recognizer


class Engine:
    """Reads pictures in threads of its own for coroutines of one event loop.

    A request asks `admission` for room, then has each of its pictures read. A picture that no thread has begun with is
    dropped when its request is cancelled; one that is being read is finished, and holds its thread until then.

    Attributes:
        recognizer: Shared by all threads.
        admission: Gives places to requests.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        readers: int,
        max_waiting: int,
        max_pixels: int,
        max_videos: int = 1,
        on_batch: Callable[[int], None] | None = None,
        on_reading: Callable[[Reading], None] | None = None,
        on_waiting: Callable[[int], None] | None = None,
    ) -> None:
        """Take an open recognizer; `open` opens one by the service's settings.

        Args:
            recognizer: Shared by all threads.
            readers: Threads, and so pictures that are decoded and in memory at once.
            max_waiting: Pictures that may be accepted and not answered.
            max_pixels: Larger pictures are refused before they are decoded.
            max_videos: Videos that may be read at once, by threads and processes of their own.
            on_batch: Is told the faces of each batch that was classified, by the thread that did it.
            on_reading: Is told each reading, in the event loop.
            on_waiting: Is told how many pictures wait whenever that changes, in the event loop.
        """
        self.recognizer = recognizer
        self._max_pixels, self._on_reading = max_pixels, on_reading
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="mien-reader")
        self._on_batch = on_batch
        self._batcher: Batcher[Cut, Picture] = Batcher(
            recognizer.describe,
            most=BATCH_SIZE,
            weigh=lambda cut: len(cut.faces),
            lanes=(readers + 1) // 2,  # one lane alone would leave processors idle where there are many
            on_batch=on_batch,
        )
        # Pictures wait here and not in the pool's queue, which would hold those of cancelled requests, too.
        self._free_readers = asyncio.Semaphore(readers)
        self.admission = Admission(
            max_waiting,
            max_videos,
            guess_s=lambda count: count * self._mean_s / readers,
            on_change=on_waiting,
            on_free=self._look_whether_idle,
        )
        self._running = 0
        self._is_closed = False
        self._idle = asyncio.Event()
        self._mean_s = _FIRST_GUESS_S

    @classmethod
    def open(
        cls,
        settings: ServiceSettings,
        *,
        recognizer: Recognizer | None = None,
        on_batch: Callable[[int], None] | None = None,
        on_reading: Callable[[Reading], None] | None = None,
        on_waiting: Callable[[int], None] | None = None,
    ) -> Engine:
        """Make the engine that the settings ask for.

        Args:
            settings: The service's.
            recognizer: What `open_models` gave for these settings; None to open them here.
            on_batch: As for the class.
            on_reading: As for the class.
            on_waiting: As for the class.

        Raises:
            InputError: If the number of threads can't be used.
            ModelError: If a model is absent, damaged or of another kind.
        """
        return cls(
            recognizer or open_models(settings),
            readers=settings.readers or count_processors(),
            max_waiting=settings.max_waiting,
            max_pixels=settings.max_pixels,
            max_videos=settings.max_videos,
            on_batch=on_batch,
            on_reading=on_reading,
            on_waiting=on_waiting,
        )

    async def read(
        self,
        picture: bytes | NDArray[np.uint8],
        *,
        name: str,
        crops: bool = False,
        min_score: float | None = None,
        max_side_px: int | None = None,
    ) -> Picture:
        """Read the expressions of all faces in one picture; call it within `admission.admit`.

        Args:
            picture: The bytes of a file, or (H, W, 3) RGB or (H, W) gray, uint8.
            name: What the answer calls it.
            crops: Whether the picture is one face crop.
            min_score: As for `Recognizer.detect`.
            max_side_px: As for `Recognizer.detect`.

        Returns:
            Its faces, or why it can't be read.

        Raises:
            InputError: If a keyword is out of its range, or tells how to look for faces in a crop.
            ModelError: If a model fails.
            Draining: If the service was closed before a thread began.
        """
        reading = await self.read_timed(picture, name=name, crops=crops, min_score=min_score, max_side_px=max_side_px)
        return reading.picture

    async def read_timed(self, picture: bytes | NDArray[np.uint8], *, name: str, **how: Any) -> Reading:
        """As `read`, and tell how long the picture waited and took.

        Args:
            picture: As for `read`.
            name: As for `read`.
            **how: `crops`, `min_score` and `max_side_px`, as for `read`.
        """
        asked_s = time.perf_counter()
        await self._free_readers.acquire()
        if self._is_closed:
            self._free_readers.release()
            raise Draining
        try:
            future = self._pool.submit(partial(self._read, picture, asked_s, name=name, **how))
        except BaseException:  # such as a system that gives no more threads
            self._free_readers.release()
            raise
        self._running += 1
        loop = asyncio.get_running_loop()

        def release(_: object) -> None:  # by the thread, once it has really ended, whether anyone waits for it or not
            with suppress(RuntimeError):  # the loop is closed: nobody waits for anything
                loop.call_soon_threadsafe(self._free_reader)

        future.add_done_callback(release)
        reading = await asyncio.wrap_future(future)
        self._mean_s += _NEWEST_SHARE * (reading.took_s - self._mean_s)
        if self._on_reading is not None:
            self._on_reading(reading)
        return reading

    async def close(self, drain_s: float) -> None:
        """Take no new work, finish what was accepted, and end the threads.

        Args:
            drain_s: After so many seconds, pictures that no thread has begun with are dropped.
        """
        self.admission.drain()
        self._look_whether_idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, picture: bytes | NDArray[np.uint8], asked_s: float, **how: Any) -> Reading:
        """Read a picture, in a thread."""
        began_s = time.perf_counter()
        cut = self.recognizer.cut(picture, max_pixels=self._max_pixels, **how)
        seen = self._batcher.ask(cut) if 0 < len(cut.faces) < CROWD else self._describe_alone(cut)
        return Reading(seen, began_s - asked_s, time.perf_counter() - began_s, cut)

    def _describe_alone(self, cut: Cut) -> Picture:
        (picture,) = self.recognizer.describe([cut])
        if cut.faces and self._on_batch is not None:
            self._on_batch(len(cut.faces))
        return picture

    def _free_reader(self) -> None:
        self._running -= 1
        self._free_readers.release()
        self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        if self.admission.is_draining and not self.admission.waiting and not self._running:
            self._idle.set()
