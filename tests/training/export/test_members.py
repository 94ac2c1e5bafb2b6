"""Which model files can be averaged, and which are refused before anything is computed."""

import shutil

import pytest

onnx = pytest.importorskip("onnx", reason="building model files needs the train extra")

from mien.core.card import TrainingData  # noqa: E402
from mien.core.errors import CardError, InputError, ModelError  # noqa: E402
from mien.inference.runtime.envelope import read_card, write_card  # noqa: E402
from mien.training.export import members  # noqa: E402
from mien.training.export.members import all_have_votes, read_members  # noqa: E402


@pytest.fixture
def write(build_graph, build_card, tmp_path):
    """`write(name, seed=, opset=, graph={}, **card)` writes a model file, and gives its path as text."""

    def make(name, *, seed=0, opset=17, graph=None, **changes):
        shape = graph or {}
        proto = onnx.ModelProto.FromString(build_graph(len(changes.get("labels", range(7))), seed=seed, **shape))
        proto.opset_import[0].version = opset
        data = proto.SerializeToString()
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(write_card(data, build_card(data, **shape, **changes)))
        return str(path)

    return make


def test_members_come_in_the_order_given(write):
    sources = [write("b"), write("a", seed=1), write("c", seed=2)]
    found = read_members(sources)
    assert [member.source for member in found] == sources
    assert len({member.sha256 for member in found}) == 3
    assert not all_have_votes(found)


def test_one_model_is_no_ensemble(write):
    for sources in ([], [write("a")]):
        with pytest.raises(InputError, match=f"two models or more, got {len(sources)}"):
            read_members(sources)


def test_the_same_model_is_refused_under_another_name_and_with_another_card(write, tmp_path):
    first = write("a")
    shutil.copy(first, tmp_path / "copy.onnx")
    data = (tmp_path / "copy.onnx").read_bytes()
    (tmp_path / "stamped.onnx").write_bytes(write_card(data, read_card(data).model_copy(update={"name": "other"})))
    for other in (first, str(tmp_path / "copy.onnx"), str(tmp_path / "stamped.onnx")):
        with pytest.raises(InputError, match="are the same model"):
            read_members([first, write("b", seed=1), other])


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"labels": ("calm", "tense")}, "its labels: calm, tense; the other's: angry, disgust"),
        ({"labels": tuple(reversed(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")))}, "labels"),
        ({"graph": {"size_px": 32}}, "its input: gray pictures of 32 px; the other's: gray pictures of 48 px"),
        ({"graph": {"color": "rgb"}}, "its input: rgb pictures of 48 px"),
        ({"crop": "the eyes"}, "its crop: the eyes; the other's: the whole face"),
        ({"data": TrainingData(name="none", license="none", sha256="1" * 64)}, r"its training data: none \(sha256 1"),
        ({"opset": 16}, "its opset: ai.onnx 16; the other's: ai.onnx 17. Export one of them again"),
    ],
)
def test_members_that_differ_are_refused(write, facts, message):
    with pytest.raises(InputError, match=message):
        read_members([write("a"), write("b", seed=1), write("c", seed=2, **facts)])


def test_the_control_other_terms_commits_and_temperatures_may_differ(write):
    data = TrainingData(name="none", license="other terms", sha256="0" * 64)
    read_members([write("a"), write("b", seed=1, data=data, commit="a" * 40, temperature=2.0, license="Apache-2.0")])


def test_what_is_no_model_of_expressions_is_refused(write, detector_file, tmp_path):
    with pytest.raises(CardError, match=r"fixed\.onnx: the model is one for faces"):
        read_members([write("a"), str(detector_file)])
    with pytest.raises(ModelError, match="no file is there"):
        read_members([write("a"), str(tmp_path / "absent.onnx")])


def test_more_than_a_model_may_have_is_refused(write, monkeypatch):
    sources = [write("a"), write("b", seed=1)]
    monkeypatch.setattr(members, "MAX_MODEL_BYTES", 100_000)
    with pytest.raises(InputError, match=r"up to .*b\.onnx have 0 MiB together"):
        read_members(sources)
