"""`mien.Recognizer`: the faces in a picture, and the apparent expression of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mien.core.card import ExpressionCard
from mien.core.errors import InputError
from mien.core.results import Detection, Face, Picture
from mien.inference.cuts import BoxLike, Cut, Cutter, gather_cuts
from mien.inference.expression.classifier import BATCH_SIZE, Classifier, Crops, looks_like_one
from mien.inference.expression.model import LabelSet, LoadedModel, load_model
from mien.inference.faces.detector import DEFAULT_DETECTOR, Detector, check_search
from mien.inference.media.ahead import Read, read_ahead, try_read
from mien.inference.media.pictures import PictureSource, read_picture
from mien.inference.runtime.bundled import DEFAULT_MODEL


class Recognizer:
    """Reads apparent facial expressions with one model; safe to use from several threads at once."""

    def __init__(self, model: LoadedModel, open_detector: Callable[[], Detector] = Detector.load) -> None:
        """Take an open model; `load` opens one by name or path.

        Args:
            model: Tells the expressions.
            open_detector: Opens what finds the faces, once the first picture asks for it.
        """
        self._card = model.card
        self._classifier = Classifier(model)
        self._cutter = Cutter(self._classifier, model.card.input.size_px, open_detector)

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        labels: LabelSet = "fer2013",
        detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> Recognizer:
        """Open a model.

        Args:
            model: Name of a bundled model, or the path of a file that `mien export` wrote. Names go before paths.
            labels: What a model with two heads is asked for: "fer2013", the labels it was trained on, or "votes", what
                most of ten people saw in such pictures.
            detector: Likewise, of the model that finds faces; opened once the first picture asks for it.
            threads: Threads for one call; None means the processors at hand, at most 4. Where many threads call at
                once, 1 gives the most pictures a second.
            providers: ONNX Runtime execution providers, the preferred first; None means the CPU.

        Raises:
            InputError: If `labels`, `threads` or `providers` can't be used.
            ModelError: If the file is absent, damaged, no model, or has no head for the `labels` that are asked for;
                `CardError` if its card is missing or at odds with it; `ProviderError` if a provider is absent.
        """
        settings = {"threads": threads, "providers": providers}
        return cls(load_model(model, labels=labels, **settings), partial(Detector.load, detector, **settings))  # type: ignore[arg-type]

    @property
    def card(self) -> ExpressionCard:
        """What the model says of itself."""
        return self._card

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of the columns that `classify` returns."""
        return self._card.labels

    def detect(
        self, picture: PictureSource, *, min_score: float | None = None, max_side_px: int | None = None
    ) -> list[Detection]:
        """Find the faces in one picture.

        Args:
            picture: A path, the bytes of a file, a PIL image, or an array: (H, W, 3) RGB or (H, W) gray, uint8.
            min_score: Score from which on a detection is shown, 0-1; None for the detector's own.
            max_side_px: Larger pictures are scaled down to this longer side; None for the detector's own. Larger finds
                smaller faces and takes longer.

        Returns:
            The surest first; empty where there is no face.

        Raises:
            InputError: If the picture can't be read, or a keyword is out of its range.
            ModelError: If the detector can't be opened or fails.
        """
        return self._cutter.detect(read_picture(picture), min_score, max_side_px)

    def predict(
        self,
        picture: PictureSource,
        *,
        boxes: Sequence[BoxLike] | None = None,
        min_score: float | None = None,
        max_side_px: int | None = None,
    ) -> list[Face]:
        """Read the expressions of all faces in one picture.

        Args:
            picture: As for `detect`.
            boxes: Faces that the caller found, in pixels of the picture as a person sees it; None to look for them.
                They have neither score nor landmarks, and are not turned upright.
            min_score: As for `detect`.
            max_side_px: As for `detect`.

        Returns:
            The surest first, or in the order of `boxes`; empty where there is no face.

        Raises:
            InputError: If the picture can't be read, a box is no box, or a keyword is out of its range.
            ModelError: If a model can't be opened or fails.
        """
        if boxes is not None and (min_score, max_side_px) != (None, None):
            raise InputError("min_score and max_side_px tell how to look for faces; with boxes= nobody looks.")
        read = Read("the picture", read_picture(picture), None)
        if boxes is None:
            cut = self._cutter.cut_found(read, min_score, max_side_px)
        else:
            cut = self._cutter.cut_boxes(read, boxes)
        return list(self.describe([cut])[0].faces or ())

    def predict_each(
        self,
        pictures: Iterable[PictureSource],
        *,
        min_score: float | None = None,
        max_side_px: int | None = None,
    ) -> Iterator[Picture]:
        """Read the expressions of all faces in many pictures, in their order.

        The next pictures are decoded while one is looked at, and faces of several pictures are classified together.
        Memory stays the same however many pictures there are. Some 65 may be asked for before the first answer; if
        `pictures` fails, the answers to those that it gave before come first.

        Args:
            pictures: As for `detect`; any mix, any number.
            min_score: As for `detect`.
            max_side_px: As for `detect`.

        Returns:
            One `Picture` a source. A picture that can't be read has an `error`, and the rest go on.

        Raises:
            InputError: If `pictures` is a single picture, or a keyword is out of its range.
            ModelError: If a model can't be opened or fails.
        """
        check_search(min_score, max_side_px)
        return self._describe_each(
            self._cutter.cut_found(read, min_score, max_side_px)
            for read in read_ahead(_several(pictures, "predict_each"))
        )

    def predict_crops(self, sources: Iterable[PictureSource]) -> Iterator[Picture]:
        """Read pictures that are one face crop each, and yield their faces in the order of the sources.

        Args:
            sources: Paths, bytes of files, PIL images, or uint8 arrays; any mix, any number.

        Returns:
            One `Picture` a source, as they are read. Its only face has the whole crop as box, and neither score nor
            landmarks. A picture that can't be read has an `error` instead, and the rest go on.

        Raises:
            InputError: If `sources` is a single picture.
        """
        return self._describe_each(
            self._cutter.cut_whole(read) for read in read_ahead(_several(sources, "predict_crops"))
        )

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

    def cut(
        self,
        picture: PictureSource,
        *,
        name: str,
        crops: bool = False,
        min_score: float | None = None,
        max_side_px: int | None = None,
        max_pixels: int | None = None,
    ) -> Cut:
        """Do the first half of `predict_each` or `predict_crops` with one picture: read it and cut its faces out.

        For a program that has threads of its own and lets `describe` look at the faces of several pictures at once.

        Args:
            picture: As for `detect`.
            name: What the answer calls it.
            crops: Whether the picture is one face crop.
            min_score: As for `detect`.
            max_side_px: As for `detect`.
            max_pixels: Larger pictures are refused before they are decoded; None for what `detect` takes, 120 million.

        Returns:
            The faces, or why the picture can't be read.

        Raises:
            InputError: If a keyword is out of its range, or tells how to look for faces in a crop.
            ModelError: If the detector can't be opened or fails.
        """
        if crops and (min_score, max_side_px) != (None, None):
            raise InputError("min_score and max_side_px tell how to look for faces; in a crop nobody looks.")
        read = try_read(name, picture, max_pixels)
        return self._cutter.cut_whole(read) if crops else self._cutter.cut_found(read, min_score, max_side_px)

    def describe(self, cuts: Sequence[Cut]) -> list[Picture]:
        """Do the second half: classify the faces of all pictures together, at most `BATCH_SIZE` in a call.

        Args:
            cuts: What `cut` of a recognizer with the same model returned.

        Returns:
            One `Picture` a cut, in their order.

        Raises:
            ModelError: If the model fails.
        """
        crops = [face.crop for cut in cuts for face in cut.faces]
        batches = [crops[start : start + BATCH_SIZE] for start in range(0, len(crops), BATCH_SIZE)]
        rows = (row for batch in batches for row in self._classifier.classify_prepared(batch))
        return [self._describe(cut, rows) for cut in cuts]

    def _describe_each(self, cuts: Iterator[Cut]) -> Iterator[Picture]:
        """Classify faces of several pictures together, and yield the pictures in their order."""
        for together in gather_cuts(cuts):
            yield from self.describe(together)

    def _describe(self, cut: Cut, rows: Iterator[NDArray[np.float32]]) -> Picture:
        if cut.error is not None:
            return Picture(cut.name, error={"code": cut.error.code, "message": str(cut.error)})
        faces = tuple(
            Face(
                box=face.box,
                score=None if face.found is None else face.found.score,
                landmarks=None if face.found is None else face.found.landmarks,
                probabilities=dict(zip(self.labels, next(rows).tolist(), strict=True)),
                quality=face.quality,
            )
            for face in cut.faces
        )
        return Picture(cut.name, cut.width, cut.height, faces=faces)


def _several(sources: Iterable[PictureSource], method: str) -> Iterable[PictureSource]:
    """Refuse a single picture, which would be taken for several."""
    is_one = isinstance(sources, str | bytes | os.PathLike) or not isinstance(sources, Iterable)
    if is_one or (isinstance(sources, np.ndarray) and looks_like_one(sources)):
        raise InputError(f"{method} takes several pictures, got one {type(sources).__name__}. Pass [picture].")
    return sources
