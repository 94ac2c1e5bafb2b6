import json

import numpy as np
import pytest

from mien.apps.cli import bench as module
from mien.apps.cli.bench import draw_picture
from mien.apps.cli.main import run
from mien.inference.runtime.session import count_threads

QUICK = ("--seconds", "0.05")


def bench_as_json(capsys, *tokens: str):
    assert run(["bench", *tokens, *QUICK, "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return json.loads(shown.out)


def test_json_tells_model_machine_timings_and_memory(model_file, capsys) -> None:
    report = bench_as_json(capsys, str(model_file), "--batch-size", "3")
    assert report["model"] == {
        "name": "tiny",
        "task": "expression",
        "path": str(model_file),
        "bytes": model_file.stat().st_size,
    }
    assert set(report["machine"]) == {"processor", "cores", "system", "onnxruntime", "mien"}
    wanted = [(shown, threads) for threads in sorted({1, count_threads(None)}) for shown in ("1 face", "3 faces")]
    assert [(timing["shown"], timing["threads"]) for timing in report["timings"]] == wanted
    for timing in report["timings"]:
        assert 0 < timing["p50_ms"] <= timing["p95_ms"]
        assert timing["per_second"] > 0
        assert timing["calls"] >= 5
    assert report["peak_memory_mib"] is None or report["peak_memory_mib"] > 10


def test_the_bundled_model_is_the_default(bundled_model, capsys) -> None:
    report = bench_as_json(capsys)
    assert report["model"]["name"] == "tiny"
    assert {timing["count"] for timing in report["timings"]} == {1, 64}


def test_a_detector_is_shown_pictures_of_two_sizes(detector_file, capsys) -> None:
    report = bench_as_json(capsys, str(detector_file), "--threads", "1")
    assert report["model"]["task"] == "faces"
    assert [(timing["shown"], timing["threads"]) for timing in report["timings"]] == [("640x480", 1), ("1280x720", 1)]


def test_people_see_threads_rates_calls_machine_and_memory(model_file, capsys) -> None:
    assert run(["bench", str(model_file), "--threads", "2", "--batch-size", "3", *QUICK]) == 0
    shown = capsys.readouterr().out
    for expected in ("tiny", "1 face", "3 faces", "threads", "p50", "p95", "faces/s", "calls", "2 │"):
        assert expected in shown
    machine = module.describe_machine()
    (line,) = (line for line in shown.splitlines() if machine.processor in line)
    assert f"ONNX Runtime {machine.onnxruntime} · mien {machine.mien}" in line
    assert f"{machine.cores} core" in line
    assert "this whole process" in shown
    assert "open 2 times" not in shown


def test_of_a_detector_people_see_pictures_a_second(detector_file, capsys) -> None:
    assert run(["bench", str(detector_file), *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "pictures/s" in shown
    assert "1280x720" in shown
    assert "faces/s" not in shown


def test_a_system_that_does_not_tell_its_memory_is_no_error(model_file, capsys, monkeypatch) -> None:
    monkeypatch.setattr(module, "read_peak_memory_mib", lambda: None)
    assert run(["bench", str(model_file), *QUICK]) == 0
    assert "doesn't tell" in capsys.readouterr().out
    assert bench_as_json(capsys, str(model_file))["peak_memory_mib"] is None


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["no-such-model"], "no model 'no-such-model'"),
        (["--threads", "0"], "from 1 to 256, got 0"),
        (["--batch-size", "0"], "got a batch size of 0"),
        (["--seconds", "0"], "got 0.0"),
        (["--seconds", "nan"], "got nan"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(tokens, said, bundled_model, capsys) -> None:
    assert run(["bench", *tokens]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mien: error: ")
    assert shown.err.count("\n") == 1
    assert said in shown.err


def test_a_detector_takes_no_batches(detector_file, capsys) -> None:
    assert run(["bench", str(detector_file), "--batch-size", "64"]) == 1
    assert "one picture at a time, got --batch-size 64. Leave it out." in capsys.readouterr().err


def test_a_number_that_is_none_is_a_wrong_call(capsys) -> None:
    assert run(["bench", "--batch-size", "many"]) == 2


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (100, 300)])
def test_the_picture_shows_the_whole_sheet(size) -> None:
    picture = draw_picture(*size)
    assert (picture.shape, picture.dtype) == ((size[1], size[0], 3), np.uint8)
    assert (picture[[0, -1]] == picture[0, 0]).all()  # paper, also where it was padded
    assert (picture[:, [0, -1]] == picture[0, 0]).all()
    assert picture.std() > 20
