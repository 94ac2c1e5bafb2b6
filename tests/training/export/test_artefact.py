import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import InputError, ModelError, RunError
from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import read_card
from mien.training.data.table import open_dataset
from mien.training.export import artefact
from mien.training.export.ancestry import Ancestor, list_ancestors
from mien.training.export.artefact import export_run
from mien.training.export.graph import CalibratedNetwork
from mien.training.fit.recipes import make_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train


def test_the_card_tells_where_the_model_came_from(trained, faces, tmp_path):
    card = export_run(trained, tmp_path / "a.onnx")
    assert card == read_card((tmp_path / "a.onnx").read_bytes())
    assert card.recipe_sha256 == trained.recipe_sha256()
    assert card.data.sha256 == trained.trained_on().sha256
    assert card.data.test_sha256 == trained.trained_on().test_sha256 == open_dataset(faces).test_sha256 is not None
    assert card.temperature == trained.calibration().temperature
    assert card.labels == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert (card.input.size_px, card.input.color, card.input.layout) == (48, "gray", "NHW")
    assert card.metrics == {}


def test_the_file_holds_no_path_of_the_machine_that_made_it(trained, tmp_path):
    export_run(trained, tmp_path / "a.onnx")
    content = (tmp_path / "a.onnx").read_bytes()
    for word in (b"/home", b"/root", b"site-packages", b".py", str(tmp_path).encode()):
        assert word not in content, word


def test_exporting_twice_gives_the_same_bytes(trained, tmp_path):
    export_run(trained, tmp_path / "a.onnx")
    export_run(trained, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_any_batch_size_runs(trained, tmp_path):
    export_run(trained, tmp_path / "a.onnx")
    model = load_model(tmp_path / "a.onnx")
    for batch in (1, 2, 3, 17):
        probabilities = model.run(np.zeros((batch, 48, 48), np.uint8))
        assert probabilities.shape == (batch, 7)
        assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_the_card_tells_whose_weights_a_run_began_with(trained, tmp_path, faces):
    recipe = make_recipe({**trained.recipe().model_dump(), "epochs": 1, "transfer": {"init": str(trained.path)}})
    card = export_run(train(recipe, faces, tmp_path / "run"), tmp_path / "a.onnx")
    begun = hashlib.sha256(trained.best_path.read_bytes()).hexdigest()
    data = trained.trained_on()
    named = f"synthetic (sha256 {data.sha256}): terms of synthetic as above."
    assert f"Began with weights of sha256 {begun}, trained on {named}" in card.data.license
    assert list_ancestors(card.data.license) == (Ancestor("began with", begun, "synthetic", data.sha256),)


def test_an_unfinished_run_is_refused(trained, tmp_path):
    for name in ("recipe.toml", "data.json", "environment.json"):
        (tmp_path / name).write_bytes((trained.path / name).read_bytes())
    with pytest.raises(RunError, match="--resume"):
        export_run(Run(tmp_path), tmp_path / "a.onnx")
    with pytest.raises(RunError, match="does not exist"):
        export_run(Run(tmp_path / "nowhere"), tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_checkpoint_and_recipe_that_do_not_fit_are_refused(trained, tmp_path):
    for path in trained.path.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("width = 4", "width = 6"))
    with pytest.raises(RunError, match="does not fit"):
        export_run(Run(tmp_path), tmp_path / "a.onnx")


def test_a_calibration_that_is_no_number_is_refused(trained, tmp_path):
    for path in trained.path.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "temperature.json").write_text(json.dumps({"temperature": "hot"}))
    with pytest.raises(RunError, match=r"temperature\.json"):
        export_run(Run(tmp_path), tmp_path / "a.onnx")


def test_another_ending_is_refused(trained, tmp_path):
    for path in (tmp_path / "a.pt", Path(), Path("/")):
        with pytest.raises(InputError, match=r"ends in \.onnx"):
            export_run(trained, path)


def test_a_file_that_answers_otherwise_is_never_written(trained, tmp_path, monkeypatch):
    """The control of the exporter's own parity check: a graph with another temperature must be noticed."""
    build = artefact.build_graph

    def build_other(network, channels, size_px):
        return build(CalibratedNetwork(network.network, 1.5 * network.temperatures[0]), channels, size_px)

    monkeypatch.setattr(artefact, "build_graph", build_other)
    with pytest.raises(ModelError, match="differs from the trained network"):
        export_run(trained, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused_before_the_graph_is_built(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(artefact, "build_graph", lambda *_: pytest.fail("the graph was built"))
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").write_bytes(b"in the way")
    for path in (tmp_path / "folder.onnx", tmp_path / "file" / "a.onnx"):
        with pytest.raises(InputError, match="can't write"):
            export_run(trained, path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_link_is_followed_and_a_circle_of_them_is_refused(trained, tmp_path):
    (tmp_path / "link.onnx").symlink_to(tmp_path / "disk" / "a.onnx")
    (tmp_path / "circle.onnx").symlink_to("circle.onnx")
    with pytest.raises(InputError, match="in a circle"):
        export_run(trained, tmp_path / "circle.onnx")
    assert (tmp_path / "circle.onnx").is_symlink()
    export_run(trained, tmp_path / "link.onnx")
    assert (tmp_path / "link.onnx").is_symlink()
    assert read_card((tmp_path / "disk" / "a.onnx").read_bytes()).recipe_sha256 == trained.recipe_sha256()


def test_a_full_disk_leaves_the_old_file(trained, tmp_path):
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    (tmp_path / "a.onnx").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"a\.onnx: File too large\. Make room there"):
            export_run(trained, tmp_path / "a.onnx")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "a.onnx").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
