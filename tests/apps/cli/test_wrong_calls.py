"""What a wrong call is told, with and without the packages of the extras."""

import re
import subprocess
import sys

import pytest
from PIL import Image

from mien.apps.cli.main import EXTRAS, app, run
from mien.apps.cli.wrong_calls import name_flags

AFTER_A_BASE_INSTALL = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(EXTRAS)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from mien.apps.cli.main import main
main()
"""


def run_after_a_base_install(*tokens: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AFTER_A_BASE_INSTALL, *tokens]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def words(text: str) -> str:
    return " ".join(re.sub("[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (("predit", "x"), 'Unknown command "predit". Did you mean "predict"?'),
        (("--verson",), 'Unknown command "--verson". Did you mean "--version"?'),
        (("foo",), 'Unknown command "foo". Available commands: predict, watch, serve,'),
        (("predit", "--help"), 'Did you mean "predict"?'),
        (("data", "imprt"), 'Did you mean "import"? Available commands:'),
    ],
)
def test_a_slip_is_explained_without_any_extra(tokens, expected) -> None:
    done = run_after_a_base_install(*tokens)
    assert done.returncode == 2
    assert expected in words(done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("tokens", [("predict", "a.png", "--coarse", "b.png"), ("watch", "a.mp4", "b.png")])
def test_words_in_the_wrong_place_are_told_where_they_belong(tokens, capsys) -> None:
    assert run(tokens) == 2
    assert '"b.png" was not expected there. What is read stands first' in words(capsys.readouterr().err)


def test_a_verb_nobody_could_have_meant_is_not_suggested(capsys) -> None:
    assert run(["foo"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["bench", "demo", "info", "predict", "serve", "watch"])
def test_verbs_explain_themselves_without_any_extra(verb) -> None:
    done = run_after_a_base_install(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"mien {verb}" in done.stdout


def test_what_needs_an_extra_still_names_it() -> None:
    """The control: the packages are hidden."""
    done = run_after_a_base_install("serve", "--port", "0")
    assert done.returncode == 1
    assert "pip install 'mien[serve]'" in done.stderr


def test_flags_are_named_as_they_were_typed(tmp_path, model_file, detector_file, capsys) -> None:
    Image.new("L", (48, 48), 90).save(tmp_path / "a.png")
    shared = ["predict", str(tmp_path / "a.png"), "--model", str(model_file), "--detector", str(detector_file)]
    assert run([*shared, "--min-score", "2"]) == 1
    assert capsys.readouterr().err == "mien: error: --min-score lies between 0 and 1, got 2.0.\n"
    assert run([*shared, "--max-side-px=3"]) == 1
    assert capsys.readouterr().err.startswith("mien: error: --max-side-px is a whole number from 32 to")
    assert run([*shared, "--threads", "0"]) == 1
    assert capsys.readouterr().err.startswith("mien: error: --threads is a whole number")
    assert run(["watch", "camera:0", "--group", "--min-group", "1"]) == 1
    assert capsys.readouterr().err.startswith("mien: error: --min-group is at least 2")


def test_a_variable_is_named_where_the_value_is_its_own(monkeypatch, capsys) -> None:
    pytest.importorskip("fastapi", reason="the service needs the serve extra")
    assert run(["serve", "--port", "99999"]) == 1
    assert capsys.readouterr().err.startswith("mien: error: --port: input should be")
    monkeypatch.setenv("MIEN_PORT", "99999")
    assert run(["serve", "--workers", "1"]) == 1
    assert capsys.readouterr().err.startswith("mien: error: MIEN_PORT: input should be")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("min_score lies between 0 and 1.", "--min-score lies between 0 and 1."),
        ("it is below min_score.", "it is below --min-score."),
        ("photos/min_score is absent, and 'min_score', and min_score.png.", None),
        ("threads is too few; take more threads.", "--threads is too few; take more threads."),
        ("the threads is a word here.", None),
        ("max_side_px is not given.", None),
    ],
)
def test_only_names_of_what_was_given_are_replaced(message, expected) -> None:
    tokens = ["predict", "a.png", "--min-score", "2", "--threads=0"]
    assert name_flags(message, app, tokens) == (expected or message)
    assert name_flags(message, app, ["predict", "a.png"]) == message
