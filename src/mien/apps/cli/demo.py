"""`mien demo`: the bundled models on the bundled picture, offline, in a second."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.apps.cli.outputs import refuse_picture_name
from mien.apps.cli.result_table import show_certainty
from mien.core.atomic import write_bytes
from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.results import Face
from mien.inference.media.drawing import annotate
from mien.inference.media.pictures import RGB, read_picture
from mien.inference.recognizer import Recognizer

SHEET_NAME: Final = "mien-demo.png"

_TILE_PX, _COLUMNS, _GAP_PX, _HEAD_PX = 216, 4, 40, 76
_PAPER, _INK = (246, 245, 242), (52, 56, 62)


def demo(*, out: Path = Path()) -> None:
    """Find and read the seven mean faces of FER2013's training part, laid out on one sheet.

    Prints how each is read, and writes mien-demo.png. A mean face is the average of all pictures with one label: no
    person is in it.

    Args:
        out: The folder for mien-demo.png. Where it can't be written to, the table still comes.
    """
    refuse_picture_name("--out", out)
    sheet, tiles = draw_sheet(read_mean_faces())
    faces = Recognizer.load().predict(sheet)
    console = Console(highlight=False)
    console.print(_tabulate([find_face(faces, tile) for tile in tiles]))
    buffer = io.BytesIO()
    Image.fromarray(annotate(sheet, faces)).save(buffer, "PNG")
    try:
        write_bytes(out / SHEET_NAME, buffer.getvalue())
    except InputError as error:
        console.print(Text(f"No picture was written: {error}", style="yellow"))
    else:
        console.print(Text(f"Annotated picture: {out / SHEET_NAME}"))


def read_mean_faces() -> list[NDArray[np.uint8]]:
    """Return one mean face an expression, in the order of `EXPRESSIONS`.

    Returns:
        Seven arrays, (48, 48) uint8.
    """
    sheet = read_picture(files("mien.apps.cli").joinpath("mean_faces.png").read_bytes())[:, :, 0]
    return [np.ascontiguousarray(tile) for tile in np.split(sheet, len(EXPRESSIONS), axis=1)]


def draw_sheet(tiles: list[NDArray[np.uint8]]) -> tuple[RGB, list[Box]]:
    """Lay the tiles out on paper, each with the name of its expression below it.

    Args:
        tiles: (48, 48) uint8, in the order of `EXPRESSIONS`.

    Returns:
        (H, W, 3) uint8, and where each tile is.
    """
    rows = -(-len(tiles) // _COLUMNS)
    step_x, step_y = _TILE_PX + _GAP_PX, _TILE_PX + _HEAD_PX + _GAP_PX
    sheet = Image.new("RGB", (_GAP_PX + _COLUMNS * step_x, rows * step_y + _GAP_PX), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(17)
    places: list[Box] = []
    for number, tile in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        missing = _COLUMNS * (row + 1) - len(tiles)
        indent = max(0, missing) * step_x // 2  # the last row stands in the middle
        left, top = _GAP_PX + column * step_x + indent, row * step_y + _HEAD_PX
        sheet.paste(Image.fromarray(tile).resize((_TILE_PX, _TILE_PX), Image.Resampling.BICUBIC), (left, top))
        caption = f"mean face of {EXPRESSIONS[number]}"
        draw.text((left + _TILE_PX // 2, top + _TILE_PX + 22), caption, _INK, font, anchor="ma")
        places.append(Box(left, top, _TILE_PX, _TILE_PX))
    return np.asarray(sheet).copy(), places


def find_face(faces: Sequence[Face], tile: Box) -> Face | None:
    """Return the surest face whose middle lies in a tile."""
    for face in faces:
        x, y = face.box.x + face.box.width / 2 - tile.x, face.box.y + face.box.height / 2 - tile.y
        if 0 <= x < tile.width and 0 <= y < tile.height:
            return face
    return None


def _tabulate(faces: Sequence[Face | None]) -> Table:
    table = Table(header_style="bold")
    for name in ("mean face of", "read as"):
        table.add_column(name)
    table.add_column("confidence", justify="right")
    table.add_column("certain")
    for expression, face in zip(EXPRESSIONS, faces, strict=True):
        if face is None:
            table.add_row(expression, Text("no face found", style="dim"), "", "")
            continue
        style = "green" if face.expression == expression else "yellow"
        read = Text(face.expression, style=style)
        table.add_row(expression, read, f"{face.confidence:.1%}", show_certainty(face))
    return table
