import os
from pathlib import Path

import pytest

from mien.core.errors import CardError, ModelError
from mien.inference.runtime import bundled
from mien.inference.runtime.bundled import BUNDLED, DEFAULT_MODEL, find_model, read_model, read_model_file


def test_the_default_is_a_bundled_name() -> None:
    assert DEFAULT_MODEL in BUNDLED
    assert find_model(DEFAULT_MODEL).name == BUNDLED[DEFAULT_MODEL]


def test_a_name_goes_before_a_path_of_the_same_spelling(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("expression").write_bytes(b"mine")
    assert find_model("expression").is_absolute()
    assert find_model("./expression").read_bytes() == b"mine"
    assert find_model(Path("expression")).read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["no-such-model", "a\0b", "x" * 5000])
def test_an_unknown_name_lists_the_bundled_ones(name: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="expression") as caught:
        read_model_file(find_model(name))
    if name == "no-such-model":
        assert "no file is there" in str(caught.value)


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
