"""A CSV file that grows: whole rows, at once, and kept whatever happens."""

import csv
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mien.apps.cli.growing import GrowingCsv
from mien.apps.cli.tables import Column
from mien.core.errors import InputError

COLUMNS = (Column("frame", "whole"), Column("expression", "category"), Column("is_certain", "flag"))


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_each_row_is_in_the_file_as_soon_as_it_is_written(tmp_path) -> None:
    path = tmp_path / "new" / "rows.csv"
    with GrowingCsv.create(path, COLUMNS) as table:
        assert read(path) == [["frame", "expression", "is_certain"]]
        table.write([[0, 'größe, "x"', True], [0, None, None]])
        assert read(path)[1:] == [["0", 'größe, "x"', "true"], ["0", "", ""]]
        table.write([])
        table.write([[1, "sad", False]])
        assert table.rows == 3
    assert read(path)[3:] == [["1", "sad", "false"]]
    assert path.read_bytes().endswith(b"\r\n")


def test_rows_outlive_a_killed_process(tmp_path) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from mien.apps.cli.growing import GrowingCsv
        from mien.apps.cli.tables import Column
        with GrowingCsv.create(Path({str(tmp_path / "rows.csv")!r}), [Column("frame", "whole")]) as table:
            for number in range(5):
                table.write([[number]])
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)]).returncode != 0
    assert read(tmp_path / "rows.csv") == [["frame"], *([str(number)] for number in range(5))]


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's files")
def test_a_disk_that_is_full_leaves_whole_rows(tmp_path) -> None:
    program = f"""
        import resource, signal
        from pathlib import Path
        from mien.apps.cli.growing import GrowingCsv
        from mien.apps.cli.tables import Column
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with GrowingCsv.create(Path({str(tmp_path / "rows.csv")!r}), [Column("frame", "whole")]) as table:
            for number in range(1000):
                table.write([[number, "x" * 20]])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "InputError: can't write" in done.stderr
    assert "Make room there" in done.stderr
    rows = read(tmp_path / "rows.csv")[1:]
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows))]
    assert len(rows) > 30
    assert {len(row[1]) for row in rows} == {20}
    assert (tmp_path / "rows.csv").read_bytes().endswith(b"\r\n")


def test_a_place_that_can_not_be_written_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="can't write"), GrowingCsv.create(tmp_path, COLUMNS):
        pytest.fail("it was opened")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can't write"), GrowingCsv.create(tmp_path / "file" / "x.csv", COLUMNS):
        pytest.fail("it was opened")
