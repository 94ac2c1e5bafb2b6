"""`POST /v1/video`: who is on each frame of a clip, and which expression each one shows, line by line as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mien.apps.service.access import Token
from mien.apps.service.bodies import VideoUpload
from mien.apps.service.clip import Clip, ClipLimits, ClipRequest
from mien.apps.service.clip_schemas import ClipLine
from mien.apps.service.line_stream import LineStream
from mien.apps.service.problems import responses
from mien.apps.service.routes.answering import FILE, PROBLEMS, describe_form
from mien.apps.service.running import Service
from mien.apps.service.schemas import Flag

PLACES: Final = 8
"""So many waiting pictures' places a video takes: it keeps a processor busy for as long as it lasts."""

LIMIT_PROBLEMS: Final = ("video_too_long", "video_too_many_frames", "video_too_many_pixels", "video_too_costly")
"""What only a video may be."""

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One video: MP4, MOV, MKV, WebM, AVI, an animated GIF, ... It is held in memory alone.",
        "content": {
            "video/*": {"schema": FILE},
            "application/octet-stream": {"schema": FILE},
            "multipart/form-data": {"schema": describe_form({**FILE, "description": "The one video."})},
        },
    }
}

Seconds = Annotated[float, Field(allow_inf_nan=False)]


class ClipQuery(BaseModel):
    """Which frames are read, and what is told of them."""

    model_config = ConfigDict(extra="forbid")

    start_s: Seconds = Field(0.0, ge=0, description="Begin here, in seconds.")
    end_s: Seconds | None = Field(None, gt=0, description="End here. Left out: at the video's end, or at the limit.")
    every_s: Seconds | None = Field(None, gt=0, description="One frame in so many seconds. Left out: all.")
    max_fps: Seconds | None = Field(None, gt=0, description="Frames a second at most. Left out: all.")
    smoothing: Flag = Field(True, description="Whether expressions are smoothed over time.")
    group: Flag = Field(
        False, description="Tell of all people together, in stretches of time with enough of them, and of nobody alone."
    )


async def check_room(request: Request) -> None:
    """Refuse a video before anything of its body is received, where everything is full.

    Raises:
        Busy: If there is not one place, or as many videos are read as may be.
    """
    service: Service = request.app.state.service
    with service.engine.admission.admit_video(0):
        pass


async def hold_places(request: Request, _: VideoUpload) -> AsyncIterator[None]:
    """Take a video's places among what waits, from when its body is there until its answer is sent.

    Not before: a few bodies that trickle in would keep everybody else out.

    Raises:
        Busy: If there are not enough.
    """
    service: Service = request.app.state.service
    with service.engine.admission.admit_video(min(PLACES, service.settings.max_waiting)):
        yield


router = APIRouter(prefix="/v1", tags=["video"], dependencies=[Token, Depends(check_room), Depends(hold_places)])


@router.post(
    "/video",
    operation_id="video",
    summary="Follow the people in a video, and name their apparent expressions",
    status_code=200,  # FastAPI would look for it in the class
    response_class=LineStream,
    response_model=ClipLine,
    response_description="JSON lines, sent while the video is read: each line is one of these",
    responses=responses(*PROBLEMS, *LIMIT_PROBLEMS),
    openapi_extra=_BODY,
)
async def video(request: Request, query: Annotated[ClipQuery, Query()], upload: VideoUpload) -> Response:
    """Follow the people in a video.

    The answer comes as JSON lines while the video is read: a `moment` a frame (or, in group mode, a `group` a stretch
    of time), then an `end`, or an `error` if it breaks off. A video that says of itself that it goes beyond the limits
    is refused: ask for a part of it by `start_s` and `end_s`, or for fewer frames a second. One where that shows only
    on the way is read up to there, and the `end` says so. The video is decoded in a process of its own, and never
    written to disk; closing the connection ends the reading at once.
    """
    service: Service = request.app.state.service
    settings = service.settings
    wanted = ClipRequest(
        query.start_s, query.end_s, query.every_s, query.max_fps, is_smooth=query.smoothing, is_group=query.group
    )
    limits = ClipLimits(
        seconds=settings.max_video_s,
        frames=settings.max_video_frames,
        pixels=settings.max_video_pixels,
        work_s=settings.max_video_work_s,
        memory_bytes=settings.max_video_memory_bytes,
    )
    clip = Clip(upload.data, wanted, limits)
    rows = clip.read(service.engine.recognizer, on_frame=lambda faces: service.metrics.count_pictures([faces]))
    return LineStream(rows, stop=clip.close, slow_s=settings.live_slow_s)
