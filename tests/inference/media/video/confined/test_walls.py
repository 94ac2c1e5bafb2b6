"""Walls around a process: each is run into, in a process of its own, and one without walls runs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mien.inference.media.video.confined.walls import OUT_OF_MEMORY, measure_peak, watch_memory

MIB = 2**20

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="elsewhere other walls stand")


def run(build: str, then: str) -> subprocess.CompletedProcess[str]:
    program = f"from mien.inference.media.video.confined.walls import Walls\n{build}\n{then}\nprint('done')"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@linux
@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("bytearray(150 * 2**20)", "MemoryError"),
        ("import mmap; mmap.mmap(-1, 150 * 2**20)", "Cannot allocate memory"),  # taken and never filled
        ("from pathlib import Path; Path('wall').write_bytes(b'a')", "File too large"),
        ("held = [open('/dev/null') for _ in range(100)]", "Too many open files"),
    ],
)
def test_each_wall_holds(then, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    walled = run(f"walls = Walls({100 * MIB}, 60.0)", then)
    assert walled.returncode != 0
    assert told in walled.stderr
    assert run("", then).stdout == "done\n"  # the control


@linux
def test_time_is_a_wall():
    used = "import time\nwhile time.process_time() < 10: pass"
    walled = run("import mien.inference.media.video.confined.walls as w\nw._SPARE_S = 0\nWalls(2**30, 0.5)", used)
    assert walled.returncode == -24  # SIGXCPU


@linux
def test_that_the_wall_was_reached_is_known():
    for size, wanted in ((95, "True"), (40, "False")):
        said = run(
            f"walls = Walls({100 * MIB}, 60.0)", f"held = bytearray({size} * 2**20); print(walls.were_reached())"
        )
        assert said.stdout.split() == [wanted, "done"]


def test_where_the_system_keeps_no_limit_memory_is_looked_at():
    taken = iter([1, 5, 10, 11, 12])
    left: list[int] = []
    watch_memory(lambda: next(taken), 10, left.append)
    assert left == [OUT_OF_MEMORY]
    assert next(taken) == 12


def test_the_peak_is_in_bytes():
    pytest.importorskip("resource", reason="Windows tells nothing")
    assert MIB < measure_peak() < 2**40
