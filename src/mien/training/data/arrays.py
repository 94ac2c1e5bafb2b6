"""Arrays on disk: written so that a full disk shows, opened as read-only memory maps, never unpickled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.training.data.manifest import AGAIN, read_error


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write what `np.save` writes, but in a way that tells a full disk from other faults.

    Args:
        path: The file to write.
        array: Of any shape and dtype without objects.
    """
    rows = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
        file.write(rows.view(np.uint8).data)


def save_bytes_array(path: Path, parts: Iterable[NDArray[np.uint8]], size: int) -> None:
    """Write one long uint8 array part by part, so that it need not fit into memory.

    Args:
        path: The file to write.
        parts: uint8 arrays of any shape.
        size: Values of all parts together.

    Raises:
        DataError: If the parts have another number of values.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
    written = 0
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            written += file.write(np.ascontiguousarray(part).data)
    if written != size:
        raise DataError(f"expected {size:,} bytes of pixels, got {written:,}.")


def map_array(folder: Path, name: str) -> NDArray[Any]:
    """Map an array file into memory, read-only. Its header is held against its length, and nothing is unpickled.

    Args:
        folder: A data set's folder.
        name: The file's name in it.

    Raises:
        DataError: If it is absent, broken or cut short.
    """
    try:
        return np.lib.format.open_memmap(folder / name, mode="r")
    except OSError as error:
        raise read_error(folder, name, error) from None
    except Exception as error:  # noqa: BLE001 - the header is Python text: a broken one fails in any way
        raise DataError(f"{folder / name} is broken or cut short: {error}. {AGAIN}") from None
