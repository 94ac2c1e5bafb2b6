"""`mien train`: every field of a recipe is a flag, and flags win over the file."""

import tomllib

import pytest
from pydantic import BaseModel

from mien.apps.cli.main import run
from mien.training.fit.recipe import Recipe


def dotted_names(form: type[BaseModel], section: str = "") -> list[str]:
    names = []
    for name, field in form.model_fields.items():
        kind = field.annotation
        is_section = isinstance(kind, type) and issubclass(kind, BaseModel)
        names += dotted_names(kind, f"{name}.") if is_section else [f"--{section}{name}".replace("_", "-")]
    return names


@pytest.mark.parametrize("flag", [name for name in dotted_names(Recipe) if name != "--options"])
def test_every_field_is_a_flag(flag, capsys, tmp_path):
    """A value that no field takes is refused for that very field, so the flag is known."""
    status = run(["train", "cnn3", "--data", str(tmp_path), "--out", str(tmp_path / "run"), f"{flag}=-0.5x"])
    errors = "".join(capsys.readouterr())
    assert status != 0
    assert "Unknown option" not in errors
    field = flag.rpartition(".")[2].strip("-")
    assert any(name in errors for name in (field, field.replace("-", "_"), "no imported data set")), errors


def test_flags_win_over_the_file(faces, tmp_path):
    (tmp_path / "mine.toml").write_text('network = "vgg-bn"\nepochs = 9\nbatch_size = 32\n[options]\nwidth = 9\n')
    flags = ["--epochs", "1", "--options.width", "4", "--lr", "0.02", "--seed", "5", "--device", "cpu", "--ema", "0"]
    flags += ["--rows.oversample", "--rows.no-drop-not-a-face", "--augment.flip", "0"]
    out = tmp_path / "run"
    assert run(["train", str(tmp_path / "mine.toml"), "--data", str(faces), "--out", str(out), *flags]) == 0
    saved = tomllib.loads((out / "recipe.toml").read_text())
    assert (saved["name"], saved["epochs"], saved["batch_size"], saved["seed"]) == ("mine", 1, 32, 5)
    assert (saved["options"], saved["optimizer"]["lr"], saved["ema"]) == ({"width": 4}, 0.02, 0)
    assert (saved["rows"]["oversample"], saved["rows"]["drop_not_a_face"]) == (True, False)


def test_a_place_that_is_a_file_is_refused_in_one_line(faces, tmp_path, capsys):
    (tmp_path / "a [b].txt").write_text("")
    assert run(["train", "cnn3", "--data", str(faces), "--out", str(tmp_path / "a [b].txt")]) == 1
    assert "a [b].txt exists and is no run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value"), [("--epochs", "x"), ("--epochs", "1.5"), ("--device", "tpu"), ("--optimizer.name", "lion")]
)
def test_a_value_of_the_wrong_kind_is_one_line_about_its_flag(faces, tmp_path, capsys, flag, value):
    assert run(["train", "cnn3", "--data", str(faces), "--out", str(tmp_path / "run"), flag, value]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith(f"mien: error: {flag}: ")
    assert f"got {value!r}" in message.replace("\n", " ")
    assert "pydantic" not in message


def test_a_resume_that_has_nothing_to_go_on_with_says_so(faces, tmp_path, capsys):
    flags = ["--resume", "--network", "vgg-bn", "--options.width", "4", "--epochs", "1"]
    assert run(["train", "expression", "--data", str(faces), "--out", str(tmp_path / "nosuch"), *flags]) == 0
    assert "a new one begins" in capsys.readouterr().err


def test_an_endless_recipe_is_refused(faces, tmp_path, capsys):
    assert run(["train", "/dev/zero", "--data", str(faces), "--out", str(tmp_path / "run")]) == 1
    assert "no ordinary file" in capsys.readouterr().err
