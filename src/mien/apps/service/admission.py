"""How much may be accepted and not answered: places of pictures and of videos, and what those are told who get none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import ClassVar, Final

from mien.core.errors import InputError, MienError

LONGEST_RETRY_S: Final = 60
"""Nobody is told to stay away for longer."""

VIDEO_RETRY_S: Final = 5
"""Nobody knows how long a video takes; many are clips of some seconds."""

STOP_RETRY_S: Final = 5
"""By then another worker, or the next start, should be there."""


class Busy(MienError):  # noqa: N818 - the name of a state that passes, no mistake of anybody
    """More pictures are accepted than the service may hold.

    Attributes:
        retry_after_s: Whole seconds after which there should be room.
    """

    code: ClassVar[str] = "busy"

    def __init__(self, message: str, retry_after_s: int) -> None:
        """Say why, and when to come back."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Draining(Busy):
    """The service is stopping: what it accepted is finished, nothing new is taken."""

    code = "draining"

    def __init__(self) -> None:
        """Say when to come back."""
        message = f"the service is stopping and takes nothing new. Try again in {STOP_RETRY_S} s."
        super().__init__(message, STOP_RETRY_S)


class Admission:
    """Gives places to requests, and takes them back; of one event loop."""

    def __init__(
        self,
        max_waiting: int,
        max_videos: int,
        *,
        guess_s: Callable[[int], float],
        on_change: Callable[[int], None] | None = None,
        on_free: Callable[[], None] | None = None,
    ) -> None:
        """Begin with all places free.

        Args:
            max_waiting: Pictures that may be accepted and not answered.
            max_videos: Videos that may be read at once.
            guess_s: Tells how long so many accepted pictures take, about.
            on_change: Is told how many pictures wait whenever that changes.
            on_free: Is called whenever a request gave its places back.
        """
        self._max_waiting, self._max_videos = max_waiting, max_videos
        self._guess_s, self._on_change, self._on_free = guess_s, on_change, on_free
        self._waiting = self._videos = 0
        self._is_draining = False

    @property
    def waiting(self) -> int:
        """Pictures that are accepted and not answered."""
        return self._waiting

    @property
    def is_draining(self) -> bool:
        """Whether nothing new is taken."""
        return self._is_draining

    def drain(self) -> None:
        """Take nothing new from now on."""
        self._is_draining = True

    @contextmanager
    def admit(self, count: int) -> Iterator[None]:
        """Hold the places of a request's pictures until it is answered, fails, or its client is gone.

        Args:
            count: Pictures; 0 holds no place, and only asks whether there is one.

        Raises:
            Busy: If that would be more than may wait; `Draining` if the service is stopping.
            InputError: If there will never be room for so many.
        """
        if self._is_draining:
            raise Draining
        if count > self._max_waiting:
            raise InputError(f"a request has at most {self._max_waiting} pictures here, got {count}. Send several.")
        if self._waiting + max(count, 1) > self._max_waiting:
            wait_s = min(max(1, ceil(self._guess_s(self._waiting))), LONGEST_RETRY_S)
            raise Busy(
                f"{self._waiting} pictures wait, at most {self._max_waiting} may. Try again in {wait_s} s.", wait_s
            )
        self._count(count)
        try:
            yield
        finally:
            self._count(-count)
            if self._on_free is not None:
                self._on_free()

    @contextmanager
    def admit_video(self, places: int) -> Iterator[None]:
        """Hold a video's place, and those of so many pictures, as it keeps a processor busy for as long as it lasts.

        Args:
            places: As for `admit`; 0 holds no place, and only asks whether there is one.

        Raises:
            Busy: If as many videos are read as may be, and as `admit`.
            InputError: As `admit`.
        """
        with self.admit(places):
            if self._videos >= self._max_videos:
                which = "a video is" if self._videos == 1 else f"{self._videos} videos are"
                raise Busy(
                    f"{which} being read, no more may be at once. Try again in {VIDEO_RETRY_S} s.", VIDEO_RETRY_S
                )
            self._videos += places > 0
            try:
                yield
            finally:
                self._videos -= places > 0

    def _count(self, change: int) -> None:
        self._waiting += change
        if change and self._on_change is not None:
            self._on_change(self._waiting)
