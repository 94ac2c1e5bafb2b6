"""How the tracker tells persons apart, in seconds and face sizes, so that one set holds at any rate and resolution."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mien.inference.track.looks import UNKNOWN


class TrackerSettings(BaseModel):
    """How persons are told apart. A face size is the side of the square of the same area as the face's box.

    Attributes:
        remember_s: How long a person is remembered who isn't found. Higher carries numbers through longer gaps, and
            gives the number more often to someone else who comes by. Frames further apart than this share no numbers.
        settle_s: How long a person must have been followed to count as settled; 0 settles everyone at once. Settled
            persons choose their faces first, and tell where the camera moves. Higher keeps false boxes out of that for
            longer, and new persons, too.
        sure_score: The score from which a face is sure, 0-1; faces without a score are. An unsure one goes only to who
            is expected just there, and nobody settles who was never seen surely. Higher keeps more false boxes from
            taking a person's number, and finds fewer persons again whom the detector hardly sees.
        settle_unsure_s: As `settle_s`, for persons whose score was never that high: small or blurred faces, and false
            boxes that stay. Higher leaves the former longer without a second chance after a gap.
        remember_fleeting_s: As `remember_s`, for persons who are not settled. Higher carries new persons through their
            first gaps, and leaves more false boxes about that may take a face. Whose look is known is remembered for
            `remember_s`, and beyond this time found by it alone.
        reach: How far from where it is expected a face may be that was there on the last frame, in sizes of the larger
            of both. Higher forgives leaps, and takes another face for the same person after a cut.
        reach_growth: By how much `reach` grows for each second that the person was not found. Higher finds who turned
            while unseen, and takes more strangers for them.
        stretch: By which factor the size may differ likewise. Higher forgives leaps to and from the camera.
        stretch_growth: By how much `stretch` grows for each second that the person was not found.
        wobble: How far the detector's boxes are off, in face sizes (standard deviation); boxes that score under 0.85
            are trusted less. Higher trusts the boxes less and the motion more.
        liveliness: By how much a person's speed changes within a second, in face sizes a second (standard deviation).
            Higher follows sudden moves and trusts the past less: who turns back is found, and who walks on through
            others may be mistaken for them.
        start_speed: How fast new faces may be, in face sizes a second (standard deviation). Higher finds the second
            face of someone running, and knows less about who stands.
        look_weight: How much more likely a face is that looks like the person, where looks are given: the logarithm of
            the density for a likeness (correlation) of 1 against one of 0. Higher tells persons apart more surely where
            they meet, and mixes them up more readily when a face changes; 0 goes by motion alone.
        look_trust: The likeness from which a face is the person's as surely as by its score, and from which persons
            are known again who were seen too briefly to be settled. Higher asks for a closer likeness.
        cut_trust: The likeness from which a face is that of a person who was there before the video cut to another
            picture. Higher gives more new numbers to people shown again, lower more old ones to others.
        look_learn_s: In about this time a look is replaced by a new one, while nobody else is near. Lower follows
            light and expression, and forgets more.

    Raises:
        ValidationError: If a value is out of its range. It's pydantic's, and a ValueError.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    remember_s: float = Field(2.0, gt=0)
    settle_s: float = Field(0.15, ge=0)
    sure_score: float = Field(0.7, ge=0, le=1)
    settle_unsure_s: float = Field(0.6, ge=0)
    remember_fleeting_s: float = Field(0.4, ge=0)
    reach: float = Field(0.8, gt=0)
    reach_growth: float = Field(1.5, ge=0)
    stretch: float = Field(1.5, gt=1)
    stretch_growth: float = Field(0.3, ge=0)
    wobble: float = Field(0.04, gt=0)
    liveliness: float = Field(2.0, gt=0)
    start_speed: float = Field(2.5, gt=0)
    look_weight: float = Field(20.0, ge=0)
    look_trust: float = Field(0.6, gt=UNKNOWN, le=1)
    cut_trust: float = Field(0.8, gt=UNKNOWN, le=1)
    look_learn_s: float = Field(1.0, gt=0)
