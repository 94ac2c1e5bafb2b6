import numpy as np
import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.core.geometry import Box
from mien.core.results import Detection
from mien.inference.faces.detector import Detector
from mien.training.data.table import open_dataset


@pytest.fixture
def csv(tmp_path):
    """A file with the header of fer2013.csv and one broken row."""
    path = tmp_path / "fer 2013.csv"
    path.write_text("emotion,pixels,Usage\n3,1 2 3,Training\n")
    return path


def test_synthetic_faces_are_imported(tmp_path, capsys):
    out = tmp_path / "dätä [1]"
    assert run(["data", "import", "synthetic", "--out", str(out), "--count", "42", "--seed", "3"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"synthetic: 42 pictures (28 train, 7 validation, 7 test; split official) in {out}\n"
    assert printed.err == ""
    assert open_dataset(out).manifest.seed == 3


def test_every_flag_reaches_the_import(tmp_path, monkeypatch):
    from mien.training.data import importing

    class SeenError(Exception):
        pass

    def see(source, out, **options):
        options.pop("on_progress")
        raise SeenError(source, out, options)

    monkeypatch.setattr(importing, "import_data", see)
    flags = ["--votes", "v.csv", "--split", "80/10/10", "--seed", "5", "--twins", "ignore", "--pool", "--count", "99"]
    flags += ["--from-validation", "--size-px", "64", "--color", "rgb", "--faces", "--detector", "d.onnx"]
    with pytest.raises(SeenError) as seen:
        run(["data", "import", "fer2013.csv.xz", "--out", str(tmp_path / "out"), *flags])
    source, out, options = seen.value.args
    assert (str(source), out) == ("fer2013.csv.xz", tmp_path / "out")
    assert options | {"votes": str(options["votes"])} == {
        "votes": "v.csv", "split": "80/10/10", "seed": 5, "twins": "ignore", "pool": True, "count": 99,
        "from_validation": True, "size_px": 64, "color": "rgb", "faces": True, "detector": "d.onnx",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.csv"], "absent.csv does not exist"),
        (["{csv}"], "row 0 (counted from 0 after the header), column pixels: 3 values, expected 2304"),
        (["{csv}", "--votes", "absent.csv"], "absent.csv does not exist"),
        (["{csv}", "--votes", "{csv}"], "the columns are 'emotion,pixels,Usage', expected 'Usage,Image name"),
        (["{csv}", "--split", "80/21"], "add up to 101, expected 100"),
        (["{csv}", "--pool"], "--split 80/10/10"),
        (["{csv}", "--split", "98/2", "--pool", "--from-validation"], "--from-validation goes with two shares"),
        (["{csv}", "--split", "80/20", "--seed", "-1"], "--seed -1"),
        (["synthetic", "--count", "20"], "--count 20"),
        (["synthetic", "--votes", "{csv}"], "--votes goes with fer2013.csv and icml_face_data.csv only"),
        (["{csv}", "--size-px", "64"], "--size-px and --color go with folders of pictures"),
        (["synthetic", "--faces"], "--faces goes with folders of photos; synthetic faces are drawn as crops"),
        (["{csv}", "--faces"], "fer 2013.csv are faces that are cut out already"),
        (["{csv}", "--detector", "d.onnx"], "--detector d.onnx goes with --faces"),
        (["."], "holds no picture files. Name the file fer 2013.csv in it."),
        ([""], "the source is empty"),
    ],
)
def test_wrong_input_gives_one_line_and_exit_status_1(csv, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    filled = [argument.format(csv=csv) for argument in arguments]
    assert run(["data", "import", *filled, "--out", "out"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("mien: error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [csv.name]


def test_a_folder_in_use_is_refused(csv, tmp_path, capsys):
    assert run(["data", "import", "synthetic", "--out", str(tmp_path)]) == 1
    assert f"{tmp_path} exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["synthetic"],
        ["--out", "out"],
        ["synthetic", "--out", "out", "--twins", "apart"],
        ["synthetic", "--out", "out", "--count", "many"],
        ["synthetic", "--out", "out", "--no-pool"],
        ["synthetic", "--out", "out", "--color", "red"],
        ["synthetic", "--out", "out", "--size-px", "large"],
        ["synthetic", "--out", "out", "--surprise"],
        ["synthetic", "more", "--out", "out"],
    ],
)
def test_a_wrong_call_gives_exit_status_2_and_no_folder(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(["data", "import", *arguments]) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_import_leaves_nothing(tmp_path, monkeypatch):
    from mien.training.data import importing

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "number_twins", interrupt)
    assert run(["data", "import", "synthetic", "--out", str(tmp_path / "out"), "--count", "21"]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_sees_a_bar_that_reaches_its_end(monkeypatch, capsys, small_csv, tmp_path):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(["data", "import", str(small_csv), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert f"reading {small_csv.name}" in printed.err
    assert "100%" in printed.err
    expected = "FER2013: 105 pictures (35 train, 35 validation, 35 test; split official) in"
    assert printed.out == f"{expected} {tmp_path / 'out'}\n"


def test_rows_that_belong_to_no_part_are_counted(capsys, small_csv, tmp_path):
    assert run(["data", "import", str(small_csv), "--out", str(tmp_path / "out"), "--split", "80/20"]) == 0
    assert "(28 train, 7 validation, 35 test, 35 unused; split 80/20)" in capsys.readouterr().out


@pytest.fixture
def small_csv(tmp_path):
    """Five different pictures of each label in each part, in a file whose name looks like markup."""
    lines = ["emotion,pixels,Usage"]
    for label in range(7):
        for part in ("Training", "PublicTest", "PrivateTest"):
            for _ in range(5):
                lines.append(f"{label},{' '.join([str(len(lines))] * 48 * 48)},{part}")
    path = tmp_path / "fer [red] [bold].csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def own(tmp_path):
    """A folder of two classes with two files that can't be read, one of them with a name that moves cursors."""
    folder = tmp_path / "own [red] faces"
    for number in range(20):
        path = folder / ("tired", "awake")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((30 + number, 40), number, np.uint8)).save(path)
    (folder / "awake" / "a\x1b[2J.jpg").write_bytes(b"no picture")
    (folder / "tired" / "b.jpg").write_bytes(b"")
    return folder


def test_a_folder_of_pictures_says_its_labels_and_what_it_left_out(own, tmp_path, capsys):
    assert run(["data", "import", str(own), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "Labels: awake, tired",
        r"Left out 2 unreadable of 22 files: awake/a\x1b[2J.jpg, tired/b.jpg (reasons: files.csv)",
        f"own [red] faces: 20 pictures (16 train, 2 validation, 2 test; split 80/10/10 --pool) in {tmp_path / 'out'}",
    ]
    assert printed.err == ""


@pytest.fixture
def find_faces(monkeypatch):
    """Let a detector find as many faces, all equally large, as the first pixel of a photo says."""

    def detect(self, picture):
        spots = 20 * np.arange(picture[0, 0, 0])
        return [Detection(Box(float(x), 5.0, 15.0, 20.0), 0.9, np.zeros((5, 2), np.float32)) for x in spots]

    monkeypatch.setattr(Detector, "detect", detect)


@pytest.fixture
def photos(tmp_path):
    """A function that writes photos of two classes; each stands for its number of faces, -1 for a broken file."""

    def write(*faces):
        for number, count in enumerate([1] * 20 + list(faces)):
            path = tmp_path / "photos" / ("tired", "awake")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (40, 90, 3), dtype=np.uint8)
            pixels[0, 0] = max(count, 0)
            Image.fromarray(pixels).save(path)
            if count < 0:
                path.write_bytes(b"")
        return tmp_path / "photos"

    return write


@pytest.mark.parametrize(
    ("faces", "lines"),
    [
        ([], []),
        ([0], ["Left out 1 of 21 photos without a face: tired/20.png (reasons: files.csv)"]),
        ([1, 3], ["Left out 1 of 22 photos with several faces: awake/21.png (reasons: files.csv)"]),
        (
            [3, 0, 0, -1, 0],
            [
                "Left out 1 unreadable of 25 files: awake/23.png (reasons: files.csv)",
                "Left out 3 of 25 photos without a face and 1 with several: "
                "awake/21.png, tired/22.png, tired/24.png, ... (reasons: files.csv)",
            ],
        ),
    ],
)
def test_photos_without_one_clear_face_are_left_out_and_listed(
    photos, find_faces, detector_file, tmp_path, capsys, faces, lines
):
    flags = ["--faces", "--detector", str(detector_file), "--out", str(tmp_path / "out")]
    assert run(["data", "import", str(photos(*faces)), *flags]) == 0
    printed = capsys.readouterr()
    labels, *said, summary = printed.out.splitlines()
    assert labels == "Labels: awake, tired"
    assert said == lines
    kept = 20 + faces.count(1)
    assert summary.startswith(f"photos: {kept} pictures (")
    assert run(["data", "check", str(tmp_path / "out"), "--out", str(tmp_path / "checked")]) == 0


def test_a_detector_has_to_be_one(photos, model_file, tmp_path, capsys):
    source, out = str(photos()), str(tmp_path / "out")
    assert run(["data", "import", source, "--faces", "--detector", "absent.onnx", "--out", out]) == 1
    assert "absent.onnx" in capsys.readouterr().err
    assert run(["data", "import", source, "--faces", "--detector", str(model_file), "--out", out]) == 1
    assert str(model_file) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_annotated_photos_are_not_cut(drawn_photos, tmp_path, capsys):
    assert run(["data", "import", str(drawn_photos), "--faces", "--out", str(tmp_path / "out")]) == 1
    assert "--faces goes with pictures of single faces; " in capsys.readouterr().err


def test_help_names_every_flag(capsys):
    assert run(["data", "import", "--help"]) == 0
    printed = capsys.readouterr().out
    flags = "--out --votes --split --seed --twins --pool --count --size-px --color --faces --detector"
    for word in (*flags.split(), "synthetic", "icml_face_data.csv"):
        assert word in printed
