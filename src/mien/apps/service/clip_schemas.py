"""The form of each line that `/v1/video` answers, for OpenAPI; tests compare what is sent with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from mien.apps.service.problems import Problem
from mien.apps.service.schemas import Share


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SightingAnswer(_Line):
    """One person on one frame."""

    person: int = Field(description="Kept from frame to frame; from 1 on, in the order of appearance.", ge=1)
    box: list[float] = Field(
        description="x, y, width and height in pixels of the frame; may reach over its border.",
        min_length=4,
        max_length=4,
    )
    score: Share | None = Field(description="How sure it is that this is a face.")
    expression: str = Field(description="The steady label, which need not be the likeliest.", examples=["happy"])
    confidence: Share = Field(description="Its probability, smoothed over time.")
    is_certain: bool = Field(description="Whether the label is more likely right than wrong.")
    probabilities: dict[str, Share] = Field(description="By label, smoothed over time; they sum to 1.")
    raw_probabilities: dict[str, Share] = Field(description="By label, as read on this frame alone.")


class MomentLine(_Line):
    """One frame; frames without a face have a line, too."""

    type: Literal["moment"]
    frame: int = Field(description="Its number in the video, from 0 on; frames that were skipped are counted.", ge=0)
    time_s: float = Field(description="When it is shown, in seconds from the beginning of the video.", ge=0)
    width: int = Field(description="Pixels as a person sees it.", ge=1)
    height: int = Field(description="Likewise.", ge=1)
    faces: list[SightingAnswer] = Field(description="Who is on it.")


class GroupLine(_Line):
    """A stretch of time in group mode; the last one may be shorter.

    Its values are null where fewer people were seen than make a group, or it is too short.
    """

    type: Literal["group"]
    start_s: float = Field(description="Where it begins.", ge=0)
    end_s: float = Field(description="Where it ends.", ge=0)
    told_s: float = Field(description="Seconds of it that the values tell of.", ge=0)
    faces_mean: float | None = Field(description="Faces on a frame, in the mean.")
    faces_max: int | None = Field(description="Most faces on a frame.")
    shares: dict[str, Share] | None = Field(description="By label the share of their time in which people showed it.")
    valence: float | None = Field(description="How pleasant they looked, from -1 to 1.", ge=-1, le=1)
    reason: str | None = Field(description="Why there are no values; null where there are.")


class EndLine(_Line):
    """The last line, where all went well."""

    type: Literal["end"]
    frames: int = Field(description="Frames that were looked at.", ge=0)
    frames_with_faces: int | None = Field(description="Those with a face; null in group mode.")
    persons: int | None = Field(description="Who was seen for more than half a second; null in group mode.")
    is_complete: bool = Field(description="Whether all that was asked for was read, and nothing of it was damaged.")
    note: str | None = Field(description="Why it is not complete, or what else there is to say.")


class ErrorLine(_Line):
    """The last line, where something went wrong after the first."""

    type: Literal["error"]
    problem: Problem = Field(description="What went wrong.")


class ClipLine(RootModel[Annotated[MomentLine | GroupLine | EndLine | ErrorLine, Field(discriminator="type")]]):
    """One line of the answer. `moment` or `group` any number of times, then one `end` or `error`."""
