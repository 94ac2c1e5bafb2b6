import json

import pytest

from mien.apps.cli.main import run
from mien.core.card import ExpressionCard, Metrics
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


def test_json_is_the_whole_card(scored_model, capsys) -> None:
    assert run(["info", str(scored_model), "--json"]) == 0
    card = ExpressionCard.from_json(capsys.readouterr().out)
    assert card.metrics["test"].n == 3589


def test_a_model_without_figures_says_how_to_get_them(model_file, capsys) -> None:
    assert run(["info", str(model_file)]) == 0
    assert "mien evaluate" in capsys.readouterr().out


def test_the_bundled_model_is_the_default(bundled_model, capsys) -> None:
    assert run(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "tiny"


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
