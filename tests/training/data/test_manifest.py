import json

import pytest
from pydantic import ValidationError

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.manifest import CutFaces, Manifest, read_manifest

MANIFEST = Manifest(
    name="noise", license="none", source="a.csv", labels=EXPRESSIONS, has_votes=False, split="official", sha256="0" * 64
)


@pytest.fixture
def folder(tmp_path):
    """A folder with a manifest that a test may break."""
    (tmp_path / "dataset.json").write_text(MANIFEST.model_dump_json())
    return tmp_path


def test_a_manifest_comes_back_as_it_was_written(folder):
    assert read_manifest(folder, Manifest) == MANIFEST


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema_version.*got 2"),
        ({"surprise": 1}, "surprise"),
        ({"labels": ["happy"]}, "labels"),
        ({"labels": ["happy", "happy"]}, "labels.*must differ"),
        ({"sha256": "abc"}, "sha256"),
        ({"faces": {"detector": "d"}}, "faces.detector_sha256"),
        ({"name": None}, "name.*got None"),
    ],
)
def test_a_manifest_of_another_form_is_refused_with_its_field(folder, changes, message):
    file = folder / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(DataError, match=rf"dataset.json: {message}.*Import the data again"):
        read_manifest(folder, Manifest)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"\x00" * 100])
def test_a_manifest_that_is_no_json_is_refused(folder, content):
    (folder / "dataset.json").write_bytes(content)
    with pytest.raises(DataError, match=r"dataset.json"):
        read_manifest(folder, Manifest)


def test_a_folder_without_one_is_told_from_one_that_cannot_be_read(folder):
    (folder / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"is no imported data set: dataset.json is missing. Run: mien data import"):
        read_manifest(folder, Manifest)
    (folder / "dataset.json").mkdir()
    with pytest.raises(DataError, match=r"dataset.json can't be read: Is a directory"):
        read_manifest(folder, Manifest)


def test_a_manifest_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        MANIFEST.name = "other"


def test_the_manifest_names_its_fields_as_before():
    """Imported data sets lie on people's disks: another name needs another schema version."""
    assert list(Manifest.model_fields) == [
        "schema_version", "name", "license", "source", "labels", "has_votes", "split", "seed", "sha256",
        "faces",
    ]  # fmt: skip
    assert list(CutFaces.model_fields) == ["detector", "detector_sha256", "choice", "crop"]


def test_cut_faces_come_back_and_are_not_mentioned_where_none_were_cut(folder):
    assert "faces" not in json.loads(MANIFEST.to_json())
    cut = MANIFEST.model_copy(update={"faces": CutFaces(detector="d", detector_sha256="1" * 64, choice="c", crop="r")})
    (folder / "dataset.json").write_text(cut.to_json())
    assert read_manifest(folder, Manifest) == cut
