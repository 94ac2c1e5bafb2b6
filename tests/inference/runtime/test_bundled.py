import os
import sys
from pathlib import Path

import pytest

from mien.core.errors import CardError, ModelError
from mien.inference.runtime import bundled
from mien.inference.runtime.bundled import (
    BUNDLED,
    DEFAULT_MODEL,
    MODELS_DIR,
    find_model,
    find_models_folder,
    list_models,
    read_model,
    read_model_file,
)

WEIGHTS = Path(bundled.__file__).parent / "weights"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of optional models: large.onnx lies in it; the working directory is another one."""
    path, elsewhere = tmp_path / "optional models", tmp_path / "work"
    path.mkdir()
    elsewhere.mkdir()
    (path / "large.onnx").write_bytes(b"optional")
    monkeypatch.setenv(MODELS_DIR, str(path))
    monkeypatch.chdir(elsewhere)
    return path


def test_the_default_is_a_bundled_name() -> None:
    assert DEFAULT_MODEL in BUNDLED
    assert find_model(DEFAULT_MODEL).name == BUNDLED[DEFAULT_MODEL]


def test_every_bundled_file_has_a_name_and_every_name_a_file() -> None:
    assert sorted(BUNDLED.values()) == sorted(path.name for path in WEIGHTS.glob("*.onnx"))


def test_a_name_goes_before_a_path_of_the_same_spelling(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("expression").write_bytes(b"mine")
    assert find_model("expression").is_absolute()
    assert find_model("./expression").read_bytes() == b"mine"
    assert find_model(Path("expression")).read_bytes() == b"mine"


def test_other_names_mean_files_in_the_folder_of_optional_models(folder) -> None:
    assert find_model("large") == folder / "large.onnx"
    assert list(list_models()) == [*BUNDLED, "large"]


def test_a_bundled_name_goes_before_a_file_of_that_name_in_the_folder(folder) -> None:
    (folder / "expression.onnx").write_bytes(b"mine")
    assert find_model("expression").parent == WEIGHTS
    assert list_models()["expression"].parent == WEIGHTS


@pytest.mark.parametrize("file", ["big", "big.onnx"])
def test_the_working_directory_never_stands_in_for_a_name(file: str, folder) -> None:
    Path(file).write_bytes(b"mine")
    with pytest.raises(
        ModelError, match=r"there is no model 'big': .*expression, nano, faces.* holds no big\.onnx"
    ) as caught:
        find_model("big")
    for expected in (str(folder), MODELS_DIR, "./big.onnx"):
        assert expected in str(caught.value)
    assert find_model(f"./{file}").read_bytes() == find_model(Path(file)).read_bytes() == b"mine"  # the control


@pytest.mark.parametrize("name", list(BUNDLED))
def test_the_name_on_a_bundled_models_card_means_it_too(name, folder) -> None:
    file = Path(BUNDLED[name])
    (folder / file).write_bytes(b"mine")
    assert find_model(file.stem) == find_model(name) == WEIGHTS / file
    assert read_model(name).card.name == file.stem
    assert list(list_models()) == [*BUNDLED, "large"], "each once"


@pytest.mark.parametrize(("name", "meant"), [("expresion", "expression"), ("nanno", "nano"), ("larg", "large")])
def test_a_slip_in_a_name_is_told_the_name(name, meant, folder) -> None:
    with pytest.raises(ModelError, match=rf"there is no model '{name}' \(did you mean '{meant}'\?\)"):
        find_model(name)
    with pytest.raises(ModelError, match="there is no model 'zzz': it is none"):
        find_model("zzz")


def test_a_name_with_a_suffix_is_a_path(folder) -> None:
    with pytest.raises(ModelError, match=r"'large\.onnx': no file is there"):
        find_model("large.onnx")


WEIRD = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "C:x",
    "CON",
    "nul",
    "a\0b",
    "x" * 65,
    "x" * 5000,
    "-x",
    " large",
    "large\n",
    "größe",
]


@pytest.mark.parametrize("name", WEIRD)
def test_a_weird_name_means_no_file_around_the_folder(name: str, folder) -> None:
    for place in (folder.parent, folder):
        for file in ("x", "CON", "nul", " large", "-x", "größe", "x" * 65):
            (place / f"{file}.onnx").write_bytes(b"not to be found")
    if name in (".", ".."):  # paths of folders, as everywhere
        with pytest.raises(ModelError, match="is no file"):
            read_model_file(find_model(name))
        return
    with pytest.raises(ModelError, match=r"there is no model .*expression, nano, faces"):
        find_model(name)


def test_the_control_plain_names_are_found_beside_the_weird_ones(folder) -> None:
    names = ("console", "com10", "_x", "x" * 64, "Large-2_b")
    for name in names:
        (folder / f"{name}.onnx").touch()
        assert find_model(name) == folder / f"{name}.onnx"
    for name in ("CON", "a.b", " x", "-x"):
        (folder / f"{name}.onnx").touch()
    (folder / "notes.txt").touch()
    assert list(list_models()) == [*BUNDLED, *sorted([*names, "large"])]


def test_a_folder_that_is_not_there_holds_no_models(folder, monkeypatch) -> None:
    monkeypatch.setenv(MODELS_DIR, str(folder / "nothing"))
    assert list(list_models()) == list(BUNDLED)
    with pytest.raises(ModelError, match="nothing holds no large"):
        find_model("large")


def test_a_folder_that_is_none_is_named(folder, monkeypatch) -> None:
    monkeypatch.setenv(MODELS_DIR, str(folder / "large.onnx"))
    with pytest.raises(ModelError, match=r"large\.onnx can't be listed"):
        list_models()
    with pytest.raises(ModelError, match="there is no model 'large'"):
        find_model("large")


def test_an_optional_model_that_is_a_link_to_itself_is_named(folder) -> None:
    (folder / "loop.onnx").symlink_to(folder / "loop.onnx")
    with pytest.raises(ModelError, match=r"loop\.onnx can't be read"):
        find_model("loop")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/me/.local/share/mien/models"),
        ("linux", {MODELS_DIR: ""}, "/home/me/.local/share/mien/models"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/mien/models"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/me/.local/share/mien/models"),
        ("linux", {"XDG_DATA_HOME": "/data", MODELS_DIR: "/models"}, "/models"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/me/Library/Application Support/mien/models"),
        ("win32", {}, "/home/me/AppData/Local/mien/models"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/mien/models"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the paths are those of other systems")
def test_the_folder_is_where_each_system_keeps_such_data(platform, variables, expected, monkeypatch) -> None:
    for name in (MODELS_DIR, "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert find_models_folder() == Path(expected)


def test_a_folder_is_refused(tmp_path) -> None:
    with pytest.raises(ModelError, match="is no file"):
        read_model_file(find_model(tmp_path))


def test_a_huge_file_is_refused_before_it_is_read(tmp_path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(bundled.MAX_MODEL_BYTES + 1)
    with pytest.raises(ModelError, match="512 MiB"):
        read_model_file(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path) -> None:
    path = tmp_path / "locked.onnx"
    path.touch(mode=0o000)
    with pytest.raises(ModelError, match="can't be read"):
        read_model_file(path)


def test_a_model_is_read_with_its_card(model_file) -> None:
    path, data, card = read_model(model_file)
    assert (path, data, card.name) == (model_file, model_file.read_bytes(), "tiny")


def test_an_error_of_the_card_names_the_file(tmp_path, build_graph) -> None:
    path = tmp_path / "cardless.onnx"
    path.write_bytes(build_graph())
    with pytest.raises(CardError, match=r"cardless\.onnx"):
        read_model(path)
