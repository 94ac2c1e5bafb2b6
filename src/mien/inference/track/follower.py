"""From the faces of one frame after the other to persons: who is who, and which expression each one steadily shows."""

from __future__ import annotations

from collections.abc import Sequence

from mien.core.errors import InputError
from mien.core.moments import Moment, Sighting
from mien.core.results import Face
from mien.inference.track.looks import Sketch
from mien.inference.track.scenes import Scenes, Survey
from mien.inference.track.smoothing import Smoother, SmoothingSettings
from mien.inference.track.tracker import Tracker, TrackerSettings


class Follower:
    """Follows the persons of one video or camera.

    It holds what is known of the persons that were seen lately, with a sketch of each face, a survey of the last frame,
    and nothing else of the frames; so its memory is bounded.
    Not for several threads at once.
    """

    def __init__(
        self,
        *,
        tracking: TrackerSettings | None = None,
        smoothing: SmoothingSettings | None = None,
    ) -> None:
        """Begin without persons.

        Args:
            tracking: How faces are told apart; None for the defaults.
            smoothing: How expressions are smoothed over time; None gives each frame's own reading.

        Raises:
            MissingExtraError: Without the extra "video".
        """
        self._tracker = Tracker(TrackerSettings() if tracking is None else tracking)
        self._smoother = Smoother(smoothing)
        self._scenes = Scenes()
        self._last_s = 0.0

    def smooth(self, settings: SmoothingSettings | None) -> None:
        """Smooth expressions differently from the next frame on; the persons keep their numbers, and begin anew.

        Args:
            settings: As at the beginning.
        """
        if settings != self._smoother.settings:
            self._smoother = Smoother(settings)

    def follow(
        self,
        faces: Sequence[Face],
        *,
        frame: int,
        time_s: float,
        width: int,
        height: int,
        looks: Sequence[Sketch] | None = None,
        scene: Survey | None = None,
    ) -> Moment:
        """Take the faces of the next frame, and say whose they are.

        Args:
            faces: What was read on the frame, in any order.
            frame: The frame's number in the video, from 0 on.
            time_s: When it is shown; not before the frame that was followed last.
            width: Pixels of the frame.
            height: Likewise.
            looks: For each face what `mien.inference.track.looks.sketch` made of its crop; None tells persons apart by
                their motion alone.
            scene: What `mien.inference.track.scenes.survey` made of the frame, to know a cut; None where there is none,
                as with a camera.

        Returns:
            The persons in the order of `faces`. A person who is not found on this frame is not in it.

        Raises:
            InputError: If time goes backward, or the looks are not one a face.
        """
        if time_s < self._last_s:
            raise InputError(f"frame {frame} is shown at {time_s} s, before the last one at {self._last_s} s.")
        self._last_s = time_s
        is_cut = scene is not None and self._scenes.is_cut(scene)
        persons = self._tracker.update(faces, time_s, looks, is_cut=is_cut)
        sightings = []
        for person, face in zip(persons, faces, strict=True):
            probabilities, expression = self._smoother.update(person, face.probabilities, time_s)
            sightings.append(Sighting(person, face, probabilities, expression))
        self._smoother.forget_all_but(self._tracker.active)
        return Moment(frame, time_s, width, height, tuple(sightings))
