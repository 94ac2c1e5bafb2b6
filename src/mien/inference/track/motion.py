"""How faces move: where each one is expected next, and how far off that may be.

A Kalman filter of constant velocity for all persons at once. A place is the face's center and the logarithm of its
size, so that walking towards the camera is steady motion, too. All noise is in face sizes, so that near faces and far
ones behave alike, and grows with seconds, not with frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import Box

Places: TypeAlias = NDArray[np.float64]
"""(N, 3) float64: x and y of the centers in pixels, and the natural logarithm of the sizes in pixels."""

Wobble: TypeAlias = float | NDArray[np.float64]
"""How far boxes are off: one for all, or one for each face."""

SIZE_CALM = 0.15
"""How much less a face's size changes than its place, as a factor to a person's speed and liveliness."""


def to_places(boxes: Sequence[Box]) -> Places:
    """Return where boxes are: (N, 3). A box's size is the side of the square of the same area."""
    values = np.array([box.to_list() for box in boxes], np.float64).reshape(-1, 4)
    center = values[:, :2] + values[:, 2:] / 2
    return np.column_stack([center, 0.5 * np.log(values[:, 2:]).sum(axis=1)])


def to_scales(places: Places) -> NDArray[np.float64]:
    """Return what one face size is for each number of `places`, (N, 3): the size in pixels twice, and 1."""
    scales = np.ones_like(places)
    scales[:, :2] = np.exp(places[:, 2:])
    return scales


def are_near(one: Places, others: Places) -> NDArray[np.bool_]:
    """Return which squares of the sizes touch: (N, M), for (N, 3) and (M, 3)."""
    away = np.abs(one[:, None, :2] - others[None, :, :2]).max(axis=2)
    return np.asarray(away < (np.exp(one[:, None, 2]) + np.exp(others[None, :, 2])) / 2)


@dataclass(frozen=True)
class Motions:
    """What is known of N persons' motion. All arrays are (N, 3) float64, in units of `Places`, and seconds.

    Attributes:
        places: Where they are.
        speeds: How fast they move.
        place_variances: How far off the places may be, squared.
        speed_variances: How far off the speeds may be, squared.
        covariances: How the two go together.
    """

    places: Places
    speeds: NDArray[np.float64]
    place_variances: NDArray[np.float64]
    speed_variances: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)

    @classmethod
    def begin(cls, places: Places, *, wobble: float, speed: float) -> Motions:
        """Take faces that are seen for the first time: they stand still, as far as one knows.

        Args:
            places: (N, 3) where they are.
            wobble: See `correct`.
            speed: How fast a face may be that is new, in face sizes a second (standard deviation).
        """
        scales = to_scales(places)
        calm = np.array([1.0, 1.0, SIZE_CALM])
        return cls(
            places,
            np.zeros_like(places),
            (wobble * scales) ** 2,
            (speed * scales * calm) ** 2,
            np.zeros_like(places),
        )

    def predict(self, step_s: float, *, liveliness: float) -> Motions:
        """Return where the persons are expected after some time.

        Args:
            step_s: Seconds, of 0 or more.
            liveliness: By how much a person's speed changes within a second, in face sizes a second (standard
                deviation). Higher follows sudden moves and trusts the past less, so that who turns back is found and
                who walks on through a crowd may be lost.

        Source:
            White noise acceleration; Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and
            Navigation, 2001, section 6.2.2.
        """
        unrest = (liveliness * to_scales(self.places) * np.array([1.0, 1.0, SIZE_CALM])) ** 2
        return Motions(
            self.places + step_s * self.speeds,
            self.speeds,
            self.place_variances
            + 2 * step_s * self.covariances
            + step_s**2 * self.speed_variances
            + unrest * step_s**3 / 3,
            self.speed_variances + unrest * step_s,
            self.covariances + step_s * self.speed_variances + unrest * step_s**2 / 2,
        )

    def correct(self, rows: NDArray[np.intp], places: Places, *, wobble: Wobble) -> Motions:
        """Return the motions after some of the persons were seen.

        Args:
            rows: (M,) who was seen.
            places: (M, 3) where.
            wobble: How far a detector's boxes are off, in face sizes (standard deviation): one for all, or (M,).
                Higher trusts the boxes less and the motion more.
        """
        places_seen, noise = self.places[rows], (np.reshape(wobble, (-1, 1)) * to_scales(places)) ** 2
        gain = self.place_variances[rows] / (self.place_variances[rows] + noise)
        speed_gain = self.covariances[rows] / (self.place_variances[rows] + noise)
        surprise = places - places_seen
        corrected = Motions(*(getattr(self, field.name).copy() for field in fields(self)))
        corrected.places[rows] += gain * surprise
        corrected.speeds[rows] += speed_gain * surprise
        corrected.speed_variances[rows] -= speed_gain * self.covariances[rows]
        corrected.covariances[rows] *= 1 - gain
        corrected.place_variances[rows] *= 1 - gain
        return corrected

    def shift(self, pixels: NDArray[np.float64]) -> Motions:
        """Return the same motions where the camera turned: `pixels` is (2,), x and y."""
        places = self.places.copy()
        places[:, :2] += pixels
        return Motions(places, self.speeds, self.place_variances, self.speed_variances, self.covariances)

    def replace(self, rows: NDArray[np.bool_], others: Motions) -> Motions:
        """Return the motions where those of some persons, `rows` of (N,), are `others`', which has as many."""
        return Motions(
            *(np.where(rows[:, None], getattr(others, field.name), getattr(self, field.name)) for field in fields(self))
        )

    def keep(self, rows: NDArray[np.bool_]) -> Motions:
        """Return the motions of some persons alone: `rows` is (N,)."""
        return Motions(*(getattr(self, field.name)[rows] for field in fields(self)))

    def join(self, others: Motions) -> Motions:
        """Return the motions of both, in this order."""
        return Motions(
            *(np.concatenate([getattr(one, field.name) for one in (self, others)]) for field in fields(self))
        )
