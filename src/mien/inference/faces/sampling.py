"""Turned squares out of a picture, area-averaged where they shrink it.

A large picture is first averaged over cells of 2^k x 2^k pixels, so that a pixel of the crop is at most four cells
wide. Then each pixel of the crop is the mean of a grid of bilinear samples at most one cell apart: none is skipped, so
nothing aliases. Enlarged, a pixel is a single bilinear sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, floor
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.inference.faces.frame import Square

Pixels: TypeAlias = NDArray[np.uint8]

MAX_CELLS: Final = 4
"""Cells across a pixel of the crop, at most. More cost more samples; fewer blur, as cells lie otherwise than it."""

_BAND_PIXELS: Final = 2**20  # of the picture, copied at once
_ROUND: Final = np.float32(0.5 + 2**-10)  # as mien.inference.expression.resampling rounds
_SLACK: Final = 1e-6  # a scale this little above a whole number is that number


class _Window(NamedTuple):
    """A range of cells, the ends excluded; -1 and less lie before the picture."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


class _Cells(NamedTuple):
    """Averages over cells of a part of the picture; beyond it the outermost repeat."""

    values: Pixels
    left: int
    top: int


def cut_squares(image: Pixels, squares: Sequence[Square], size_px: int) -> Pixels:
    """Return what the squares show; beyond the picture its edge pixels repeat.

    Args:
        image: (H, W) or (H, W, 3).
        squares: Of any place, turn and size. Equal ones give equal crops, whatever the others are.
        size_px: Side of the crops.

    Returns:
        (N, size_px, size_px) or (N, size_px, size_px, 3) uint8.
    """
    squares = [_bring_near(square, image) for square in squares]
    crops = np.empty((len(squares), size_px, size_px, *image.shape[2:]), np.uint8)
    by_cell: defaultdict[int, list[int]] = defaultdict(list)
    for index, square in enumerate(squares):
        by_cell[_cell_size(square.side / size_px)].append(index)
    for cell_px, indices in by_cell.items():
        windows = [_clip(_window(squares[index], cell_px), image, cell_px) for index in indices]
        union = _unite(windows)
        # Of many faces all that lies between them is averaged too, once, as soon as that is less work.
        is_shared = sum(window.area for window in windows) > union.area
        shared = _average(image, union, cell_px) if is_shared else None
        for index, window in zip(indices, windows, strict=True):
            cells = _average(image, window, cell_px) if shared is None else shared
            crops[index] = _sample(cells, squares[index], size_px, cell_px)
    return crops


def _bring_near(square: Square, image: Pixels) -> Square:
    """Return a square that shows the same, but lies at most its side beyond the picture: far out numbers get coarse."""
    height, width = image.shape[:2]
    x = min(max(square.center.real, -square.side), width + square.side)
    y = min(max(square.center.imag, -square.side), height + square.side)
    return Square(complex(x, y) - square.edge * (0.5 + 0.5j), square.edge) if complex(x, y) != square.center else square


def _cell_size(step_px: float) -> int:
    """Return the side of the cells, in pixels of the picture, for pixels of the crop that are `step_px` wide."""
    cell_px = 1
    while step_px > MAX_CELLS * cell_px * (1 + _SLACK):
        cell_px *= 2
    return cell_px


def _window(square: Square, cell_px: int) -> _Window:
    """Return the cells that the square needs, with one around it for the bilinear samples."""
    corners = [square.corner + square.edge * way for way in (0, 1, 1j, 1 + 1j)]
    across = [corner.real / cell_px for corner in corners]
    down = [corner.imag / cell_px for corner in corners]
    return _Window(floor(min(across)) - 1, floor(min(down)) - 1, ceil(max(across)) + 1, ceil(max(down)) + 1)


def _clip(window: _Window, image: Pixels, cell_px: int) -> _Window:
    """Return the cells of the window that differ from one another; at least one each way.

    Beyond the picture one row of cells, made of edge pixels alone, stands for all others. Pixels as cells need none.
    """
    around = int(cell_px > 1)
    ends = []
    for first, last, length in zip(window[:2], window[2:], image.shape[1::-1], strict=True):
        count = ceil(length / cell_px)
        begin = min(max(first, -around), count - 1 + around)
        end = max(min(last, count + around), begin + 1)
        # The last cell of the picture may be cut short; what it lacks is filled from the one beyond.
        ends.append((begin, count + around if end >= count else end))
    (left, right), (top, bottom) = ends
    return _Window(left, top, right, bottom)


def _unite(windows: Sequence[_Window]) -> _Window:
    lefts, tops, rights, bottoms = zip(*windows, strict=True)
    return _Window(min(lefts), min(tops), max(rights), max(bottoms))


def _average(image: Pixels, window: _Window, cell_px: int) -> _Cells:
    """Average a picture over the cells of a window that `_clip` returned."""
    if cell_px == 1:
        return _Cells(image[window.top : window.bottom, window.left : window.right], window.left, window.top)
    height, width = image.shape[:2]
    rows = _stretches(window.top, window.bottom, cell_px, height)
    columns = _stretches(window.left, window.right, cell_px, width)
    values = np.concatenate(
        [np.concatenate([_shrink(image[row, column], cell_px) for column in columns], axis=1) for row in rows]
    )
    for axis, length, end in ((1, width, window.right), (0, height, window.bottom)):
        rest = length % cell_px
        if rest and end * cell_px > length and values.shape[axis] > 1:
            along = np.moveaxis(values, axis, 0)
            missing = 1 - rest / cell_px
            along[-2] = np.floor((1 - missing) * along[-2] + missing * along[-1].astype(np.float32) + _ROUND)
    return _Cells(values, window.left, window.top)


def _stretches(begin: int, end: int, cell_px: int, length: int) -> list[slice]:
    """Return the pixels that cells are made of: the first edge, the picture's own, the last edge; each if needed."""
    count = ceil(length / cell_px)
    own = slice(max(begin, 0) * cell_px, min(end * cell_px, length))
    edges = (slice(0, 1) if begin < 0 else None, slice(length - 1, length) if end > count else None)
    return [part for part in (edges[0], own if own.start < own.stop else None, edges[1]) if part is not None]


def _shrink(part: Pixels, cell_px: int) -> Pixels:
    """Average over cells from the top left corner on; cells cut short average the pixels they have.

    Pillow needs a copy, so it gets a band of rows at a time: never a whole large picture.
    """
    height, width = part.shape[:2]
    factors = min(cell_px, width), min(cell_px, height)
    band = max(1, _BAND_PIXELS // (width * factors[1])) * factors[1]
    bands = [Image.fromarray(part[top : top + band]).reduce(factors) for top in range(0, height, band)]
    return np.concatenate([np.asarray(shrunk) for shrunk in bands])


def _sample(cells: _Cells, square: Square, size_px: int, cell_px: int) -> Pixels:
    """Return the crop of one square from cells that hold all it needs."""
    window = _window(square, cell_px)
    values = _cut(cells, window)
    step = square.edge / (size_px * cell_px)
    times = max(1, ceil(abs(step) - _SLACK))
    fine = step / times
    start = square.corner / cell_px - complex(window.left, window.top)
    # Pillow counts from the pixels' corners, as we do, and takes each sample at the middle of its pixel.
    affine = (fine.real, -fine.imag, start.real, fine.imag, fine.real, start.imag)
    crop = np.empty((size_px, size_px, *values.shape[2:]), np.float32)
    for channel in np.ndindex(values.shape[2:]):
        plane = Image.fromarray(values[:, :, *channel].astype(np.float32))  # of 8 bits Pillow would cut off fractions
        size = (size_px * times, size_px * times)
        turned = plane.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        crop[:, :, *channel] = np.asarray(turned.reduce(times) if times > 1 else turned)
    return np.floor(crop + _ROUND).clip(0, 255).astype(np.uint8)


def _cut(cells: _Cells, window: _Window) -> Pixels:
    """Return the values of all cells of a window; where it reaches over, the outermost repeat."""
    left, top = window.left - cells.left, window.top - cells.top
    right, bottom = window.right - cells.left, window.bottom - cells.top
    height, width = cells.values.shape[:2]
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return cells.values[top:bottom, left:right]
    columns = [min(max(column, 0), width - 1) for column in range(left, right)]
    rows = [min(max(row, 0), height - 1) for row in range(top, bottom)]
    return cells.values.take(rows, axis=0).take(columns, axis=1)
