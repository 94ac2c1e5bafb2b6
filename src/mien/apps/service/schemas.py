"""The form of every answer, for OpenAPI and for whoever writes a client.

The values come from `mien.core`'s `to_dict`; tests compare them with these forms.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

Share = Annotated[float, Field(ge=0.0, le=1.0)]


def _read_flag(value: Any) -> Any:
    """Take true and false alone: pydantic would take "yes", "off" and "1", too."""
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("has to be true or false")
    return value == "true"


Flag = Annotated[bool, BeforeValidator(_read_flag), WithJsonSchema({"type": "boolean"})]
"""A query's boolean: `true` or `false`, and nothing else."""

RUNTIME_PATH: Final = "/runtime/"
"""Where the page finds onnxruntime-web."""

_PROBABILITIES: Final = {
    "angry": 0.01,
    "disgust": 0.0,
    "fear": 0.01,
    "happy": 0.93,
    "sad": 0.01,
    "surprise": 0.01,
    "neutral": 0.03,
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QualityAnswer(_Answer):
    """How well a face can be seen."""

    size_px: float = Field(description="Shorter side of the face's box, in pixels.", examples=[96.0])
    sharpness: float | None = Field(description="Detail in the crop; under 0.05 it is too blurred to trust.")
    turn_deg: float | None = Field(description="Head turned left or right, in degrees; null without landmarks.")
    tilt_deg: float | None = Field(description="Head tilted in the picture plane, in degrees; null without landmarks.")


class FaceAnswer(_Answer):
    """One face and its apparent expression."""

    box: list[float] = Field(
        description="x, y, width and height in pixels of the upright picture; may reach over its border.",
        min_length=4,
        max_length=4,
        examples=[[212.0, 80.5, 96.0, 121.0]],
    )
    score: Share | None = Field(description="How sure it is that this is a face; null for crops.", examples=[0.98])
    landmarks: list[list[float]] | None = Field(
        description="x and y of the right eye, left eye, nose tip, right and left corner of the mouth (the person's "
        "right); null for crops.",
        min_length=5,
        max_length=5,
    )
    expression: str = Field(description="The likeliest of the model's labels.", examples=["happy"])
    confidence: Share = Field(description="Its calibrated probability.", examples=[0.93])
    is_certain: bool = Field(
        description="Whether the label is more likely right than wrong: the confidence is at least 0.5, and the face "
        "is seen well enough for it to be believed."
    )
    probabilities: dict[str, Share] = Field(
        description="By label its probability; they sum to 1.",
        examples=[_PROBABILITIES],
    )
    quality: QualityAnswer = Field(description="What one needs to judge the reading.")


class PictureError(_Answer):
    """Why a picture couldn't be read."""

    code: str = Field(description="The kind of error; it stays the same.", examples=["unreadable_media"])
    message: str = Field(description="What was wrong, for people.")


class PictureAnswer(_Answer):
    """One picture: its faces, or why it couldn't be read."""

    source: str = Field(
        description="The file's name as the client gave it, without folders; else picture-1, picture-2, ...",
        examples=["photo.jpg"],
    )
    width: int | None = Field(description="Pixels as a person sees it; null if it couldn't be read.", examples=[640])
    height: int | None = Field(description="Likewise.", examples=[480])
    faces: list[FaceAnswer] | None = Field(
        None, description="The surest first; empty where there is none, absent where the picture couldn't be read."
    )
    error: PictureError | None = Field(None, description="Present only where the picture couldn't be read.")


class PicturesAnswer(_Answer):
    """The pictures of a request, in the order they were sent."""

    pictures: list[PictureAnswer] = Field(description="One entry a picture.")


class LimitsAnswer(_Answer):
    """What the service takes, as far as a client can keep to it."""

    max_body_bytes: int = Field(description="Of one request with pictures.")
    max_picture_bytes: int = Field(description="Of one picture in it, as a file.")
    max_pixels: int = Field(description="Of one picture.")
    max_files: int = Field(description="Pictures in one request.")
    max_video_bytes: int = Field(description="Of one video.")
    max_video_s: float = Field(description="Seconds of a video that are read.")
    max_video_frames: int = Field(description="Frames of a video that are read.")
    max_video_pixels: int = Field(description="Of one frame of a video.")
    max_video_work_s: float = Field(description="How long the reading of one video may take.")
    max_videos: int = Field(description="Videos that are read at once, of all clients.")
    max_waiting: int = Field(description="Pictures that may wait at once, of all clients.")
    body_timeout_s: float = Field(description="How long a body may take, and a second more for each 64 KiB of it.")
    max_live: int = Field(description="Live connections at once, of all clients.")
    live_idle_s: float = Field(description="A live connection without a frame for so long is closed.")
    live_slow_s: float = Field(description="Likewise one whose client doesn't read; so is a video's answer.")
    live_max_frame_bytes: int = Field(description="Of one live frame.")


class BrowserMode(_Answer):
    """Whether pictures can be read on the device, and what for."""

    available: bool = Field(description="Whether onnxruntime-web is there; without it only the server reads pictures.")
    runtime: str = Field(description="Address of the folder of onnxruntime-web.", examples=[RUNTIME_PATH])
    install: str = Field(description="The command that brings onnxruntime-web.")
    models: dict[str, str] = Field(
        description="By name the address of each model file that is there.",
        examples=[{"expression": "/v1/models/expression.onnx", "faces": "/v1/models/faces.onnx"}],
    )


class HealthAnswer(_Answer):
    """The process is alive."""

    status: Literal["ok"] = Field("ok", description="Always ok: a process that isn't doesn't answer.")


class ReadyAnswer(_Answer):
    """The service takes pictures just now."""

    status: Literal["ready"] = Field("ready", description="Always ready: while it isn't, the answer is a problem.")


EXAMPLE: Final[dict[str, Any]] = {
    "pictures": [
        {
            "source": "photo.jpg",
            "width": 640,
            "height": 480,
            "faces": [
                {
                    "box": [212.0, 80.5, 96.0, 121.0],
                    "score": 0.98,
                    "landmarks": [[240.1, 128.0], [282.4, 127.2], [261.0, 152.9], [243.8, 174.0], [279.9, 173.1]],
                    "expression": "happy",
                    "confidence": 0.93,
                    "is_certain": True,
                    "probabilities": _PROBABILITIES,
                    "quality": {"size_px": 96.0, "sharpness": 0.31, "turn_deg": -4.0, "tilt_deg": 1.5},
                }
            ],
        },
        {
            "source": "broken.png",
            "width": None,
            "height": None,
            "error": {"code": "unreadable_media", "message": "the picture is damaged or cut short."},
        },
    ]
}
"""An answer to two pictures, one of which couldn't be read."""
