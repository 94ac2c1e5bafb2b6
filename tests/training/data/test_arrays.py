import io

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.data.arrays import map_array, save_array, save_bytes_array

ROW = np.dtype([("number", np.int32), ("points", np.float32, (5, 2))])


def numpy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "array",
    [np.arange(24).reshape(2, 3, 4), np.zeros(3, ROW), np.zeros(0, ROW), np.arange(6, dtype=np.float32)[::-2]],
    ids=["block", "rows", "no rows", "strided"],
)
def test_arrays_are_saved_as_numpy_does_and_come_back(tmp_path, array):
    save_array(tmp_path / "a.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == numpy_bytes(np.ascontiguousarray(array))
    mapped = map_array(tmp_path, "a.npy")
    assert mapped.dtype == array.dtype
    assert np.array_equal(mapped, array)
    assert not mapped.flags.writeable


def test_parts_become_one_array(tmp_path):
    parts = [np.arange(12, dtype=np.uint8).reshape(2, 2, 3), np.zeros((0, 3), np.uint8), np.arange(20, dtype=np.uint8)]
    parts.append(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)[:, ::2])  # not in one piece
    save_bytes_array(tmp_path / "a.npy", iter(parts), 44)
    whole = np.concatenate([part.ravel() for part in parts])
    assert (tmp_path / "a.npy").read_bytes() == numpy_bytes(whole)


@pytest.mark.parametrize("size", [11, 13])
def test_another_number_of_bytes_is_refused(tmp_path, size):
    with pytest.raises(DataError, match=f"expected {size} bytes of pixels, got 12"):
        save_bytes_array(tmp_path / "a.npy", [np.zeros(12, np.uint8)], size)


def test_one_part_at_a_time_is_held(tmp_path):
    alive = []

    class Part(np.ndarray):
        def __del__(self):
            alive.remove(1)

    def make():
        for _ in range(50):
            alive.append(1)
            yield np.zeros(10, np.uint8).view(Part)
            most.append(len(alive))

    most: list[int] = []
    save_bytes_array(tmp_path / "a.npy", make(), 500)
    assert max(most) <= 3
