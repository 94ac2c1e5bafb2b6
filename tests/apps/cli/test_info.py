import json
import re

import pytest

from mien.apps.cli.main import run
from mien.core.card import ExpressionCard, Metrics
from mien.inference.runtime.bundled import BUNDLED, MODELS_DIR
from mien.inference.runtime.envelope import write_card


@pytest.fixture
def scored_model(build_graph, build_card, tmp_path):
    graph = build_graph()
    metrics = Metrics(
        n=3589, accuracy=0.701, accuracy_ci95=(0.686, 0.716), macro_f1=0.68, ece=0.02,
        accuracy_without_twins=0.69, n_without_twins=3301,
    )  # fmt: skip
    path = tmp_path / "scored.onnx"
    path.write_bytes(write_card(graph, build_card(graph, metrics={"test": metrics})))
    return path


def test_the_card_is_shown_with_figures_limits_and_terms(scored_model, capsys) -> None:
    assert run(["info", str(scored_model)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for expected in ("tiny", "angry, disgust", "48 x 48 gray", "random weights", "MIT", "3,589", "70.1%", "3,301"):
        assert expected in shown


def test_hashes_are_short_in_the_table_and_whole_in_json(capsys) -> None:
    assert run(["info", "faces", "--json"]) == 0
    terms = json.loads(capsys.readouterr().out)["data"]["license"]
    hashes = re.findall(r"[0-9a-f]{64}", terms)
    assert hashes
    assert run(["info", "faces"]) == 0
    shown = capsys.readouterr().out
    assert hashes[0][:12] in shown
    assert hashes[0][12:20] not in shown


def test_json_is_the_whole_card(scored_model, capsys) -> None:
    assert run(["info", str(scored_model), "--json"]) == 0
    card = ExpressionCard.from_json(capsys.readouterr().out)
    assert card.metrics["test"].n == 3589


def test_a_model_without_figures_says_how_to_get_them(model_file, capsys) -> None:
    assert run(["info", str(model_file)]) == 0
    assert "mien evaluate" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of optional models, empty."""
    path = tmp_path / "optional"
    path.mkdir()
    monkeypatch.setenv(MODELS_DIR, str(path))
    return path


def test_without_a_model_the_bundled_ones_are_listed(bundled_model, folder, capsys) -> None:
    assert run(["info"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for expected in (*BUNDLED, "7 expressions", f"{bundled_model.stat().st_size / 1e6:.2f} MB", str(folder)):
        assert expected in shown
    assert "none is there" in shown


def test_optional_models_are_listed_with_their_figure(bundled_model, scored_model, folder, capsys) -> None:
    scored_model.rename(folder / "large.onnx")
    assert run(["info"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "large" in shown
    assert "70.1%" in shown
    assert "none is there" not in shown
    assert run(["info", "large"]) == 0
    assert "3,589" in capsys.readouterr().out


def test_the_list_as_json_holds_the_cards(bundled_model, scored_model, folder, capsys) -> None:
    scored_model.rename(folder / "large.onnx")
    assert run(["info", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    models = {model["name"]: model for model in listed["models"]}
    assert listed["folder"] == str(folder)
    assert list(models) == [*BUNDLED, "large"]
    assert models["expression"]["card"]["name"] == "tiny"
    assert models["large"]["path"] == str(folder / "large.onnx")
    assert [model["is_bundled"] for model in models.values()] == [True] * len(BUNDLED) + [False]
    assert ExpressionCard.from_json(json.dumps(models["large"]["card"])).metrics["test"].n == 3589


def test_a_model_that_cannot_be_read_keeps_its_place_and_fails_the_command(bundled_model, folder, capsys) -> None:
    (folder / "broken.onnx").write_bytes(b"hello")
    assert run(["info"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "can't be read" in shown
    assert f"{folder / 'broken.onnx'}: not an ONNX file" in shown
    assert "7 expressions" in shown
    assert run(["info", "--json"]) == 1
    *_, broken = json.loads(capsys.readouterr().out)["models"]
    assert (broken["name"], broken["error"]["code"]) == ("broken", "bad_model")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path, data, capsys) -> None:
    path = tmp_path / "x y.onnx"
    path.write_bytes(data)
    assert run(["info", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mien: error: ")
    assert "x y.onnx" in error
    assert error.count("\n") == 1


def test_a_tampered_card_is_refused(scored_model, capsys) -> None:
    data = scored_model.read_bytes()
    assert b"0.701" in data
    scored_model.write_bytes(data.replace(b"0.701", b"0.901"))
    assert run(["info", str(scored_model)]) == 1
    assert "was changed" in capsys.readouterr().err


def test_a_detectors_score_is_shown_with_all_its_digits(detector_file, capsys) -> None:
    assert run(["info", str(detector_file), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)["min_score"]
    assert run(["info", str(detector_file)]) == 0
    assert f"score {score}\n" in capsys.readouterr().out.replace(" \n", "\n").replace("  ", "")
