"""Where a model file may be written; asked before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from mien.core.atomic import check_new_file
from mien.core.errors import InputError


def check_place(out: Path) -> None:
    """Refuse a path that no model file can be written to. A file that is there may be replaced.

    Raises:
        InputError: If the path has another ending than .onnx, is a folder, a device or a link in a circle, or lies
            where nothing can be written.
    """
    if out.suffix.lower() != ".onnx":
        raise InputError(f"{out}: a model file ends in .onnx. Name it like model.onnx.")
    check_new_file(out)
