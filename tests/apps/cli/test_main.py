import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mien
from mien.apps.cli import main as module
from mien.apps.cli.main import app, run
from mien.core.errors import InputError

VERBS = ("average", "bench", "data", "demo", "evaluate", "export", "info", "predict", "serve", "train", "watch")


def run_mien(*tokens: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from mien.apps.cli.main import main; main()", *tokens]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Return a function that lets every command raise one error, and runs one."""

    def run_with(error: BaseException) -> int:
        def fail(_tokens: list[str]) -> int:
            raise error

        monkeypatch.setattr(module, "app", fail)
        return run(["anything"])

    return run_with


def test_help_lists_the_verbs_and_no_others(capsys) -> None:
    assert run(["--help"]) == 0
    listed = re.findall(r"^│ ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
    assert tuple(listed) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_is_listed_exists_and_explains_itself(verb, capsys) -> None:
    assert run([verb, "--help"]) == 0
    assert verb in capsys.readouterr().out


@pytest.mark.parametrize(
    ("token", "unwanted"),
    [
        ("--help", ("numpy", "onnxruntime", "PIL", "pydantic", "torch")),
        ("predit", ("numpy", "mien.apps.cli.predict")),  # a slip: the verb it is like stays unloaded
    ],
)
def test_what_needs_no_verb_loads_nothing_heavy(token, unwanted) -> None:
    code = (
        f"import sys; from mien.apps.cli.main import run; run([{token!r}]);"
        f"print([name for name in {unwanted!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_package(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == mien.__version__


def test_a_wrong_call_is_explained_and_exits_with_2(capsys) -> None:
    assert run(["no-such-verb"]) == 2
    assert run(["predict"]) == 2
    assert run(["predict", "a.png", "--no-such-option"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_of_ours_is_one_readable_line(failing, capsys) -> None:
    assert failing(InputError("a name\nof two lines is wrong.")) == 1
    assert capsys.readouterr().err == "mien: error: a name of two lines is wrong.\n"


def test_a_missing_package_names_the_pip_line(failing, capsys) -> None:
    error = ImportError("Cannot import module 'mien.apps.cli.train'")
    error.__cause__ = ModuleNotFoundError("No module named 'torch'", name="torch.nn")
    assert failing(error) == 1
    assert "pip install 'mien[train]'" in capsys.readouterr().err


def test_every_extra_that_is_named_exists() -> None:
    import tomllib

    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())["project"]
    assert set(module.EXTRAS.values()) <= set(project["optional-dependencies"])
    assert project["version"] == mien.__version__


def test_what_nobody_foresaw_is_not_hidden(failing) -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())
    with pytest.raises(ImportError):
        failing(ImportError("a bug"))


def test_nor_is_an_error_that_cannot_say_what_it_is(failing) -> None:
    class Speechless(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise ImportError("words that hide the error they are of")

    with pytest.raises(Speechless):
        failing(Speechless())


def test_an_interruption_exits_with_130(failing, capsys) -> None:
    assert failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "mien: interrupted\n"


def test_a_reader_that_goes_away_is_no_error(model_file) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from mien.apps.cli.main import main; main()", "info", str(model_file), "--json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.skipif(os.name == "nt", reason="such pipes of Unix")
@pytest.mark.parametrize("verb", ["info", "predict"])
def test_nor_is_it_one_where_a_table_was_to_come(verb, model_file) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    tokens = [str(model_file)] if verb == "info" else ["absent.png", "--model", str(model_file)]
    command = [sys.executable, "-c", "from mien.apps.cli.main import main; main()", verb, *tokens]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path) -> None:
    done = run_mien(
        "info", str(tmp_path / "表情.onnx"), env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    )
    assert done.returncode == 1
    assert "\\u8868" in done.stderr


def test_the_app_knows_its_verbs_without_importing_them() -> None:
    assert set(VERBS) <= set(app)
