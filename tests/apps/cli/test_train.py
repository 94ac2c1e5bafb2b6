"""`mien train`: every field of a recipe is a flag, and flags win over the file."""

import os
import signal
import subprocess
import sys
import tomllib

import pytest
from pydantic import BaseModel

from mien.apps.cli import train
from mien.apps.cli.main import run
from mien.core.errors import DataError
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.processes import Processes
from mien.training.fit.recipes import shipped_recipes
from mien.training.models.registry import NETWORKS


def dotted_names(form: type[BaseModel], section: str = "") -> list[str]:
    names = []
    for name, field in form.model_fields.items():
        kind = field.annotation
        is_section = isinstance(kind, type) and issubclass(kind, BaseModel)
        names += dotted_names(kind, f"{name}.") if is_section else [f"--{section}{name}".replace("_", "-")]
    return names


FLAGS = sorted({*dotted_names(ExpressionRecipe), *dotted_names(FaceRecipe)} - {"--options", "--task"})


@pytest.mark.parametrize("flag", FLAGS)
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


def test_the_help_lists_every_network_and_recipe_without_torch():
    code = (
        "import sys; from mien.apps.cli.main import run; run(['train', '--help']);"
        "print([name for name in ('numpy', 'torch', 'lightning') if name in sys.modules])"
    )
    wide = {**os.environ, "COLUMNS": "600"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=wide)
    assert done.stdout.splitlines()[-1] == "[]"
    (networks,) = (line for line in done.stdout.splitlines() if "--network" in line)
    (recipes,) = (line for line in done.stdout.splitlines() if "A shipped recipe" in line)
    assert f"one of {', '.join(NETWORKS['expression'])} " in networks
    assert "drops the file's options that the network lacks" in networks
    assert f"({', '.join(shipped_recipes())})" in recipes


def test_another_network_by_flag_drops_the_recipes_options_but_not_the_users(faces, tmp_path, capsys):
    flags = ["--data", str(faces), "--out", str(tmp_path / "run"), "--network", "cnn3", "--epochs", "1"]
    assert run(["train", "expression", *flags, "--options.width", "8"]) == 1
    assert "cnn3 has no option 'width'" in capsys.readouterr().err
    assert run(["train", "expression", *flags]) == 0
    assert tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())["options"] == {"dropout": 0.3}


def test_weights_of_another_import_of_the_same_data_may_have_seen_validation(tmp_path, capsys):
    def train(name, *flags):
        places = ["--data", str(tmp_path / flags[0]), "--out", str(tmp_path / name)]
        assert run(["train", "cnn3", *places, "--epochs", "1", "--device", "cpu", *flags[1:]]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Careful")]

    for name, seed in (("one", "1"), ("other", "2")):
        drawn = ["synthetic", "--seed", seed, "--count", "210", "--out", str(tmp_path / name)]
        assert run(["data", "import", *drawn]) == 0
    assert train("first", "one") == []
    assert train("same", "one", "--init", str(tmp_path / "first")) == []
    (careful,) = train("second", "other", "--init", str(tmp_path / "first"))
    assert "were trained on another import (" in careful


@pytest.fixture
def as_process(monkeypatch):
    """Return a function that runs `mien train` as one of two processes, of which the first may have failed already."""
    from torch.distributed import HashStore

    from mien.training.fit import agreement

    store = HashStore()
    monkeypatch.setattr(agreement, "_open_store", lambda: store)
    monkeypatch.setattr(agreement, "HEARING_S", 0.1)

    def call(rank, error, said=None):
        if said is not None:
            store.set("failure/0", said)

        def fail(*_):
            raise error

        monkeypatch.setattr(train, "find_processes", lambda: Processes(rank, 2, rank, 2))
        monkeypatch.setattr(train, "load_recipe", fail)
        return run(["train", "cnn3", "--data", "nowhere", "--out", "nowhere"]), store

    before = signal.getsignal(signal.SIGINT)
    yield call
    signal.signal(signal.SIGINT, before)


def test_an_error_of_all_processes_is_said_by_the_first_alone(as_process, capsys):
    status, store = as_process(0, DataError("rows are wrong."))
    assert status == 1
    assert capsys.readouterr().err == "mien: error: rows are wrong.\n"
    assert store.get("failure/0") == b"rows are wrong."
    assert as_process(1, DataError("rows are wrong."))[0] == 1
    assert capsys.readouterr().err == ""


def test_an_error_of_one_process_names_it(as_process, capsys):
    assert as_process(1, DataError("no rows here."))[0] == 1
    assert capsys.readouterr().err == "mien: error: in process 1 of 2: no rows here.\n"
    assert as_process(1, DataError("no rows here."), said="rows are wrong.")[0] == 1
    assert "in process 1 of 2: no rows here." in capsys.readouterr().err


def test_what_breaks_because_the_first_process_failed_is_not_said(as_process, capsys):
    with pytest.raises(RuntimeError, match="connection"):
        as_process(1, RuntimeError("connection closed"))
    assert as_process(1, RuntimeError("connection closed"), said="rows are wrong.")[0] == 1
    assert capsys.readouterr().err == ""


def test_ctrl_c_is_answered_in_one_line_by_the_first_process(as_process, capsys):
    assert as_process(0, KeyboardInterrupt())[0] == 130
    assert capsys.readouterr().err == "mien: stopped after 0 finished epochs; add --resume to go on.\n"
    assert as_process(1, KeyboardInterrupt())[0] == 130
    assert capsys.readouterr().err == ""


def test_under_torchrun_an_error_is_printed_once(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "mien"]
    done = subprocess.run(
        [*command, "train", "cnn3", "--data", str(tmp_path), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode != 0
    assert done.stderr.count("mien: error:") == 1, done.stderr
