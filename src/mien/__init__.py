"""mien: reads apparent facial expressions in pictures, and trains the networks that do it.

    import mien

    recognizer = mien.Recognizer.load()
    for face in recognizer.predict("photo.jpg"):
        print(face.expression, face.confidence, face.is_certain)

Names are imported when they are first used, so that `import mien` is quick and never loads what isn't needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mien.core.errors import (
        CardError,
        DataError,
        InputError,
        MienError,
        MissingExtraError,
        MissingMediaError,
        ModelError,
        OversizedMediaError,
        ProviderError,
        RecipeError,
        RunError,
        UnreadableMediaError,
    )
    from mien.core.geometry import Box
    from mien.core.moments import Moment, Sighting
    from mien.core.results import Detection, Face, Picture
    from mien.inference.media.drawing import annotate
    from mien.inference.media.video.reader import open_video
    from mien.inference.pipeline import Pipeline
    from mien.inference.recognizer import Recognizer

__version__ = "0.1.0"

__all__ = [
    "Box",
    "CardError",
    "DataError",
    "Detection",
    "Face",
    "InputError",
    "MienError",
    "MissingExtraError",
    "MissingMediaError",
    "ModelError",
    "Moment",
    "OversizedMediaError",
    "Picture",
    "Pipeline",
    "ProviderError",
    "RecipeError",
    "Recognizer",
    "RunError",
    "Sighting",
    "UnreadableMediaError",
    "__version__",
    "annotate",
    "open_video",
]

_HOMES: Final = {
    "Box": "mien.core.geometry",
    "Detection": "mien.core.results",
    "Face": "mien.core.results",
    "Moment": "mien.core.moments",
    "Picture": "mien.core.results",
    "Pipeline": "mien.inference.pipeline",
    "Recognizer": "mien.inference.recognizer",
    "Sighting": "mien.core.moments",
    "annotate": "mien.inference.media.drawing",
    "open_video": "mien.inference.media.video.reader",
}
"""Where a public name lives; those that aren't listed are errors."""


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES.get(name, "mien.core.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
