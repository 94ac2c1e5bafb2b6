"""`mien.Recognizer`: a model, and the faces it is shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.card import ModelCard
from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.results import Face, Picture, Quality
from mien.inference.expression.classifier import BATCH_SIZE, Classifier, Crops, looks_like_one
from mien.inference.media.pictures import PictureSource, read_picture
from mien.inference.runtime.bundled import DEFAULT_MODEL
from mien.inference.runtime.session import LoadedModel, load_model


class _ReadCrop(NamedTuple):
    """A picture after reading: only what is needed of it, so that large ones don't pile up in memory."""

    source: str
    width: int
    height: int
    prepared: NDArray[np.uint8]


class Recognizer:
    """Reads apparent facial expressions with one model; safe to use from several threads at once."""

    def __init__(self, model: LoadedModel) -> None:
        """Take an open model; `load` opens one by name or path."""
        self._card = model.card
        self._classifier = Classifier(model)

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> Recognizer:
        """Open a model.

        Args:
            model: Name of a bundled model, or the path of a file that `mien export` wrote. Names go before paths.
            threads: Threads for one call; None means the processors at hand, at most 4. Where many threads call at
                once, 1 gives the most pictures a second.
            providers: ONNX Runtime execution providers, the preferred first; None means the CPU.

        Raises:
            InputError: If `threads` or `providers` can't be used.
            ModelError: If the file is absent, damaged, or no model; `CardError` if its card is missing or at odds with
                it; `ProviderError` if a provider is absent.
        """
        return cls(load_model(model, threads=threads, providers=providers))

    @property
    def card(self) -> ModelCard:
        """What the model says of itself."""
        return self._card

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of the columns that `classify` returns."""
        return self._card.labels

    def classify(self, crops: Crops) -> NDArray[np.float32]:
        """Compute the probability of each label for every face crop.

        Args:
            crops: (B, H, W) gray or (B, H, W, 3) RGB uint8, sides of at least 2 pixels; or a list of crops of different
                sizes and colors. A crop should frame the face as the card's `crop` says.

        Returns:
            (B, K) float32 in the order of `labels`; rows sum to 1. No crops give (0, K).

        Raises:
            InputError: If the crops have another dtype or shape.
        """
        return self._classifier.classify(crops)

    def predict_crops(self, sources: Iterable[PictureSource]) -> Iterator[Picture]:
        """Read pictures that are one face crop each, and yield their faces in the order of the sources.

        Memory stays the same however many sources there are: `BATCH_SIZE` crops are held at a time, at the size the
        network takes.

        Args:
            sources: Paths, bytes of files, PIL images, or uint8 arrays; any mix.

        Returns:
            One `Picture` a source, as they are read. Its only face has the whole crop as box, and neither score nor
            landmarks. A picture that can't be read has an `error` instead, and the rest go on.

        Raises:
            InputError: If `sources` is a single picture.
        """
        is_one = isinstance(sources, str | bytes | os.PathLike) or not isinstance(sources, Iterable)
        if is_one or (isinstance(sources, np.ndarray) and looks_like_one(sources)):
            raise InputError(f"predict_crops takes several pictures, got one {type(sources).__name__}. Pass [picture].")
        return self._read_all(enumerate(sources))

    def _read_all(self, numbered: Iterator[tuple[int, PictureSource]]) -> Iterator[Picture]:
        while chunk := [self._read_crop(number, source) for number, source in islice(numbered, BATCH_SIZE)]:
            readable = [item.prepared for item in chunk if isinstance(item, _ReadCrop)]
            rows = iter(self._classifier.classify_prepared(readable))
            for item in chunk:
                yield item if isinstance(item, Picture) else self._describe(item, next(rows))

    def _read_crop(self, number: int, source: PictureSource) -> _ReadCrop | Picture:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else f"picture {number}"
        try:
            picture = read_picture(source)
            prepared = self._classifier.prepare(picture)
        except InputError as error:
            return Picture(name, error={"code": error.code, "message": str(error)})
        return _ReadCrop(name, picture.shape[1], picture.shape[0], prepared)

    def _describe(self, crop: _ReadCrop, row: NDArray[np.float32]) -> Picture:
        face = Face(
            box=Box(0.0, 0.0, float(crop.width), float(crop.height)),
            score=None,
            landmarks=None,
            probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
            quality=Quality(size_px=float(min(crop.width, crop.height))),
        )
        return Picture(crop.source, crop.width, crop.height, faces=(face,))
