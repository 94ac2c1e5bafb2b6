"""Batches of photos: drawn scenes for training, whole photos for validation; drawn ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.training.data.faces.photos import PhotoSet
from mien.training.data.faces.scenes import Scene, draw_scene
from mien.training.data.faces.sections import Scenes, Weather
from mien.training.data.faces.weather import spoil

BATCHES_AHEAD = 4
"""Batches that are drawn for a GPU before they are asked for; more take memory and gain nothing. On a CPU none are: the
threads that draw and those that compute would wait for each other, which took twice the time."""


class SceneBatch(NamedTuple):
    """Training pictures with what they show.

    Attributes:
        images: (B, S, S, 3) uint8 RGB.
        boxes: B times (M, 4) float32 pixels: left, top, right, bottom.
        landmarks: B times (M, 5, 2) float32 pixels; NaN where unknown.
        ignored: B times (K, 4) float32 pixels: regions about which nothing is said.
    """

    images: Tensor
    boxes: list[Tensor]
    landmarks: list[Tensor]
    ignored: list[Tensor]


class SceneBatches:
    """The training part, one epoch an iteration: each photo once, drawn anew.

    What an epoch shows depends on the seed, the epoch's number and the photo's place in it alone, so that a resumed run
    sees the same, however many threads draw.
    """

    def __init__(
        self,
        photos: PhotoSet,
        batch_size: int,
        *,
        seed: int,
        scenes: Scenes,
        weather: Weather,
        threads: int,
        device: str | torch.device = "cpu",
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        """Prepare the batches.

        Args:
            photos: Where they are drawn from; only its training part.
            batch_size: Pictures a batch; a last batch that is smaller is left out, unless it is the only one.
            seed: Of order and scenes.
            scenes: How a photo becomes a picture.
            weather: What is done to it then.
            threads: That draw ahead.
            device: Where the tensors shall lie.
            rank: Which of the processes that share each batch this is, from 0.
            processes: How many there are; all get equally many pictures of it.
        """
        self.photos = photos
        self.rank = rank
        self.processes = processes
        self.rows = photos.rows_of("train")
        self.batch_size = min(batch_size, len(self.rows))
        self.seed = seed
        self.scenes = scenes
        self.weather = weather
        self.threads = threads
        self.device = torch.device(device)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is; one that has begun goes on as it was."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows) // self.batch_size

    def __iter__(self) -> Iterator[SceneBatch]:
        epoch = self.epoch  # read when the first batch is asked for: Lightning asks for the iterator before it says so
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        share = self.batch_size // self.processes
        most_ahead = share * (1 if self.device.type == "cpu" else BATCHES_AHEAD)
        starts = range(self.rank, len(self) * self.batch_size, self.batch_size)
        places = iter([start + self.processes * number for start in starts for number in range(share)])
        with ThreadPoolExecutor(self.threads) as pool:
            ahead: deque[Future[Scene]] = deque()
            try:
                for _ in range(len(self)):
                    for place in places:
                        ahead.append(pool.submit(self._draw, epoch, place, int(order[place])))
                        if len(ahead) >= most_ahead:
                            break
                    yield self._join([ahead.popleft().result() for _ in range(share)])
            finally:
                pool.shutdown(cancel_futures=True)

    def _draw(self, epoch: int, place: int, row: int) -> Scene:
        random = np.random.default_rng([self.seed, epoch, place])
        return spoil(draw_scene(self.photos, row, self.rows, random, self.scenes), random, self.weather)

    def _join(self, scenes: Sequence[Scene]) -> SceneBatch:
        images = torch.from_numpy(np.stack([scene.picture for scene in scenes]))
        boxes, landmarks, ignored = (
            [torch.from_numpy(np.ascontiguousarray(getattr(scene, name))).to(self.device) for scene in scenes]
            for name in ("boxes", "landmarks", "ignored")
        )
        return SceneBatch(images.to(self.device), boxes, landmarks, ignored)


class WholePhotos:
    """A split's photos as they are, one a batch, in their order."""

    def __init__(self, photos: PhotoSet, rows: NDArray[np.intp], device: str | torch.device = "cpu") -> None:
        """Prepare.

        Args:
            photos: Where they lie.
            rows: Which of them.
            device: Where the tensors shall lie.
        """
        self.photos = photos
        self.rows = rows
        self.device = torch.device(device)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        """Yield each photo, (H, W, 3) uint8, with its row."""
        for row in self.rows:
            yield torch.from_numpy(np.array(self.photos.picture(int(row)))).to(self.device), int(row)
