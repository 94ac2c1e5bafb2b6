import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mien.apps.cli.check import check, list_findings
from mien.core.errors import DataError, InputError
from mien.training.data.doctor import examine
from mien.training.data.importing import import_data
from mien.training.data.table import number_twins, open_dataset


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean") / "dätä [1]"
    import_data("synthetic", folder, count=84)
    return folder


@pytest.fixture
def leaky(clean, tmp_path):
    """The clean data with its first test picture put over a train picture of another label."""
    folder = shutil.copytree(clean, tmp_path / "leaky")
    table, images = np.load(folder / "table.npy"), np.load(folder / "images.npy")
    test = np.flatnonzero(table["split"] == 2)[0]
    train = np.flatnonzero((table["split"] == 0) & (table["label"] != table["label"][test]))[0]
    images[train] = images[test]
    table["twins"] = number_twins(images)
    np.save(folder / "table.npy", table)
    np.save(folder / "images.npy", images)
    manifest = json.loads((folder / "dataset.json").read_text())
    manifest["sha256"] = hashlib.sha256(table.tobytes() + images.tobytes()).hexdigest()
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


def test_check_writes_json_beside_the_data(clean, capsys):
    check(clean, strict=True)
    written = json.loads((clean / "doctor.json").read_text(encoding="utf-8"))
    assert written == json.loads(examine(open_dataset(clean)).to_json())
    printed = capsys.readouterr().out
    assert "test pictures in train" in printed
    assert str(clean / "doctor.json") in printed


def test_the_figure_is_a_picture_with_ink_on_it(clean, tmp_path):
    pytest.importorskip("matplotlib")
    check(clean, out=tmp_path)
    with Image.open(tmp_path / "doctor.png") as figure:
        gray = np.asarray(figure.convert("L"))
    assert min(gray.shape) > 500
    assert 0.01 < (gray < 128).mean() < 0.6


def test_out_is_made_where_it_is_absent(clean, tmp_path):
    check(clean, out=tmp_path / "new" / "place")
    assert (tmp_path / "new" / "place" / "doctor.json").exists()


def test_strict_refuses_data_that_leak(leaky, capsys):
    with pytest.raises(SystemExit) as stopped:
        check(leaky, strict=True)
    assert stopped.value.code == 1
    assert "Leak" in capsys.readouterr().out
    assert (leaky / "doctor.json").exists()


def test_leaks_alone_do_not_change_the_exit_status(leaky):
    check(leaky)


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="mien data import"):
        check(tmp_path)


def test_an_out_that_cannot_be_written_is_refused(clean, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(InputError, match="can't write"):
        check(clean, out=file)


def test_the_table_comes_where_the_data_cannot_be_written_to(clean, monkeypatch, capsys):
    def refuse(path, _):
        raise InputError(f"can't write {path}: Read-only file system.")

    monkeypatch.setattr("mien.apps.cli.check.write_text", refuse)
    check(clean)
    printed = capsys.readouterr().out
    assert "What the doctor found" in printed
    assert "--out" in printed


def test_findings_say_what_to_do(leaky):
    diagnosis = examine(open_dataset(leaky))
    findings = {finding.name: finding for finding in list_findings(diagnosis, is_fer2013_table=True)}
    assert findings["test pictures in train"].count == 1
    assert findings["contradicting labels"].count == 1
    assert findings["not a face"].count is None
    assert all(finding.meaning for finding in findings.values())


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An imported folder with one file that can't be read, and four pictures that are no 48x48."""
    place = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(0)
    for number in range(20):
        path = place / "faces" / ("tired", "[awake]")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (60, 50) if number < 4 else (48, 48)
        Image.fromarray(random.integers(0, 256, size, np.uint8)).save(path)
    (place / "faces" / "tired" / "broken [x].jpg").write_bytes(b"no picture")
    import_data(place / "faces", place / "data")
    return place / "data"


def test_files_with_something_wrong_are_named(own, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    check(own, out=tmp_path)
    printed = capsys.readouterr().out
    assert "tired/broken [x].jpg" in printed
    assert "20.0 % of all, 48x48 to 50x60 pixels; [awake]/1.png, [awake]/3.png, tired/0.png, ..." in printed
    found = json.loads((tmp_path / "doctor.json").read_text(encoding="utf-8"))
    assert (found["unreadable"], found["wrong_size"]) == (1, 4)
    assert found["found"]["unreadable"] == ["tired/broken [x].jpg"]


def test_strict_refuses_files_that_could_not_be_read_but_not_other_sizes(own, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        check(own, out=tmp_path, strict=True)
    assert stopped.value.code == 1
    mended = shutil.copytree(own, tmp_path / "mended")
    lines = [line for line in (own / "files.csv").read_text().splitlines() if not line.startswith(",")]
    (mended / "files.csv").write_text("\n".join(lines) + "\n")
    check(mended, strict=True)


def rename(folder, name):
    manifest = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(manifest | {"name": name}))


@pytest.mark.parametrize("source", ["clean", "own"])
def test_votes_are_advised_for_a_table_of_fer2013_and_for_nothing_else(source, request, tmp_path, capsys):
    folder = shutil.copytree(request.getfixturevalue(source), tmp_path / "data")
    check(folder, out=tmp_path)
    assert "--votes" not in capsys.readouterr().out
    rename(folder, "FER2013")
    check(folder, out=tmp_path)
    assert ("--votes" in capsys.readouterr().out) == (source == "clean"), "a copy as picture files has other rows"


def test_without_matplotlib_table_and_json_still_come(clean, tmp_path):
    script = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from pathlib import Path\n"
        "from mien.apps.cli.check import check\n"
        "check(Path(sys.argv[1]), out=Path(sys.argv[2]))\n"
    )
    done = _run(script, clean, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pip install 'mien[report]'" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["doctor.json"]


def test_the_command_is_imported_without_matplotlib_and_torch():
    script = (
        "import sys\n"
        "import mien.apps.cli.check\n"
        "print([name for name in ('matplotlib', 'torch', 'sklearn') if name in sys.modules])\n"
    )
    assert _run(script).stdout.strip() == "[]"


def _run(script, *arguments):
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": paths, "PYTHONUTF8": "1"},
        check=False,
    )
