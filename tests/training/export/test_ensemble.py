"""Several models as one file: what it answers, what its card tells, and what takes it."""

import hashlib

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="building model files needs the train extra")
torch = pytest.importorskip("torch", reason="fitting a temperature needs the train extra")

import mien  # noqa: E402
from mien.apps.cli.main import run as mien_run  # noqa: E402
from mien.core.card import ExpressionCard, TrainingData  # noqa: E402
from mien.core.errors import DataError, InputError, ModelError  # noqa: E402
from mien.inference.expression.model import load_model  # noqa: E402
from mien.inference.runtime.bundled import MODELS_DIR  # noqa: E402
from mien.inference.runtime.envelope import hash_graph, read_card, write_card  # noqa: E402
from mien.training.data.importing import import_data  # noqa: E402
from mien.training.data.table import open_dataset  # noqa: E402
from mien.training.evaluate.score import score_model  # noqa: E402
from mien.training.export import ensemble  # noqa: E402
from mien.training.export.ancestry import Ancestor, list_ancestors  # noqa: E402
from mien.training.export.ensemble import average, export_ensemble, soften  # noqa: E402
from mien.training.export.graph import CalibratedNetwork, build_graph  # noqa: E402
from mien.training.export.members import read_members  # noqa: E402
from mien.training.fit.claim import describe_data  # noqa: E402
from mien.training.fit.expression.teachers import open_teachers  # noqa: E402
from mien.training.fit.recipes import make_recipe  # noqa: E402
from mien.training.fit.run import Run  # noqa: E402
from mien.training.fit.transfer.pretrained import read_pretrained  # noqa: E402
from mien.training.models.registry import build_network  # noqa: E402
from mien.training.models.storage import halve_weights  # noqa: E402


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def draw_weights(dataset, seed):
    """Return (pixels, 7) float32 of least squares that tell the labels of 60 drawn training pictures."""
    rows = np.random.default_rng(seed).choice(dataset.rows_of("train"), 60, replace=False)
    pixels = dataset.images[rows].reshape(60, -1) / 255
    truth = np.eye(7)[dataset.table["label"][rows]] - 1 / 7
    return (20 * pixels.T @ np.linalg.solve(pixels @ pixels.T + 10 * np.eye(60), truth)).astype(np.float32)


def add_votes(proto):
    """Add a second head on the same trunk, which says the next label."""
    graph, make = proto.graph, onnx.helper.make_node
    graph.initializer.append(onnx.numpy_helper.from_array(np.roll(np.arange(7), 1), "before"))
    graph.node.extend(
        [make("Gather", ["logits", "before"], ["next"], axis=1), make("Softmax", ["next"], ["votes"])],
    )
    graph.output.add().CopyFrom(graph.output[0])
    graph.output[1].name = "votes"


@pytest.fixture
def write_member(voted_faces, build_graph, build_card, tmp_path):
    """`write_member(name, seed=, has_votes=, ...)` writes a model of one dense layer, and gives its path."""
    dataset = open_dataset(voted_faces)

    def write(name, *, seed=0, has_votes=True, terms="Free.", sureness=1, **changes):
        proto, weights = onnx.ModelProto.FromString(build_graph()), sureness * draw_weights(dataset, seed)
        proto.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "weights"))
        if has_votes:
            add_votes(proto)
        graph = proto.SerializeToString()
        data = TrainingData(name=dataset.manifest.name, license=terms, sha256=dataset.manifest.sha256)
        facts = {"data": data, "votes_temperature": 1.0 if has_votes else None, **changes}
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(write_card(graph, build_card(graph, **facts)))
        return path

    return write


@pytest.fixture
def two(write_member):
    """Return two member files with two heads each."""
    return [write_member("a"), write_member("b", seed=1)]


@pytest.fixture
def export(voted_faces, tmp_path):
    """`export(paths)` writes their ensemble, and gives its path and card."""

    def write(paths, out=None, **facts):
        out = out or tmp_path / "large.onnx"
        return out, export_ensemble(read_members([str(path) for path in paths]), voted_faces, out, **facts)

    return write


def compare(path, members, images):
    """Return how far a file is from the members' mean at its temperatures, at most."""
    card = read_card(path.read_bytes()).expect(ExpressionCard)
    temperatures = [card.temperature, card.votes_temperature]
    means = [
        np.mean(head, axis=0) for head in zip(*(load_model(one).run_heads(images) for one in members), strict=True)
    ]
    heads = load_model(path).run_heads(images)
    pairs = zip(heads, means, temperatures, strict=True)
    return max(np.abs(head - soften(mean, value)).max() for head, mean, value in pairs)


def test_the_file_answers_the_mean_of_its_members_at_the_cards_temperatures(two, export, write_member, crops):
    path, card = export(two)
    assert card == read_card(path.read_bytes())
    assert card.temperature != pytest.approx(card.votes_temperature, rel=0.05)
    assert compare(path, two, crops) < 1e-4
    for others in ([two[0]], [two[0], write_member("c", seed=2)]):  # the control: other members answer otherwise
        assert compare(path, others, crops) > 1e-2


def test_a_temperature_never_changes_the_top_label(two, export, crops):
    path, card = export(two)
    assert card.temperature != pytest.approx(1.0, abs=0.05)  # otherwise this shows nothing
    for mean, head in zip(average(two, crops), load_model(path).run_heads(crops), strict=True):
        assert (head.argmax(1) == mean.argmax(1)).all()


def test_the_temperatures_fit_the_validation_part_best(two, export, voted_faces):
    _, card = export(two)
    dataset = open_dataset(voted_faces)
    rows = dataset.rows_of("validation")
    labels = dataset.table["label"][rows]
    mean, _ = average(two, np.array(dataset.images[rows]))

    def loss(temperature):
        return -np.log(soften(mean, temperature)[np.arange(len(rows)), labels]).mean()

    assert loss(card.temperature) < min(loss(0.9 * card.temperature), loss(1.1 * card.temperature))


def test_answers_of_zero_stay_finite(write_member, export, crops):
    sure = [write_member(name, seed=seed, sureness=1000) for seed, name in enumerate("ab")]
    assert (average(sure, crops)[0] == 0).any()  # otherwise this shows nothing
    path, _ = export(sure)
    for head in load_model(path).run_heads(crops):
        assert np.isfinite(head).all()
        np.testing.assert_allclose(head.sum(1), 1, atol=1e-5)


def test_real_networks_of_two_kinds_keep_their_halved_weights(faces, build_card, tmp_path):
    """Their graphs share the names of many values, and their weights are stored in float16."""
    manifest = open_dataset(faces).manifest
    data = TrainingData(name=manifest.name, license="Free.", sha256=manifest.sha256)
    paths = []
    for seed, (name, options) in enumerate({"vgg-bn": {"width": 4}, "resnet-se": {"width": 8}}.items()):
        torch.manual_seed(seed)
        network = CalibratedNetwork(build_network(name, classes=7, channels=1, options=options).eval(), 0.1)
        graph = halve_weights(build_graph(network, 1, 48))
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(write_card(graph, build_card(graph, data=data, parameters=10 + seed)))
    out = tmp_path / "large.onnx"
    card = export_ensemble(read_members([str(path) for path in paths]), faces, out)
    images = np.array(open_dataset(faces).images[:32])
    expected = soften(average(paths, images)[0], card.temperature)
    np.testing.assert_allclose(load_model(out).run(images), expected, atol=1e-4)
    assert card.parameters == 21
    assert not card.has_votes
    assert out.stat().st_size < 1.05 * sum(path.stat().st_size for path in paths)


def test_the_card_tells_what_its_members_cards_tell(write_member, export, voted_faces):
    taught = f"Taught by the answers of weights of sha256 {'a' * 64}, trained on others (sha256 {'b' * 64}): Theirs."
    one = write_member("a", terms=f"Free. {taught}", limits=("dim light", "masks"), commit="c" * 40)
    other = write_member("b", seed=1, terms=f"Free. {taught}", limits=("masks", "hats"), commit="c" * 40)
    path, card = export([one, other], name="large")
    data = open_dataset(voted_faces).manifest
    hashes = [hash_of(one), hash_of(other)]
    assert card.data.license == (
        f"Free. Averages the answers of models of sha256 {hashes[0]}, {hashes[1]}, trained on {data.name} "
        f"(sha256 {data.sha256}). {taught}"
    )
    assert list_ancestors(card.data.license) == (
        Ancestor("averages models, at least one of which learned from the answers of", "a" * 64, "others", "b" * 64),
    )
    assert card.limits == ("dim light", "masks", "hats")
    assert (card.name, card.recipe, card.commit, card.license) == ("large", "ensemble", "c" * 40, "MIT")
    assert card.recipe_sha256 == hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    assert card.graph_sha256 == hash_graph(path.read_bytes())
    assert (card.parameters, card.data.sha256, card.metrics) == (2, data.sha256, {})


def test_what_differs_is_joined_or_unknown(write_member, export):
    one = write_member("a", commit="c" * 40, license="MIT", terms="Free.")
    other = write_member("b", seed=1, commit="d" * 40, license="Apache-2.0", terms="Free for research.")
    _, card = export([one, other])
    assert (card.commit, card.license) == ("unknown", "MIT; Apache-2.0")
    assert card.data.license.startswith("Free. Free for research. Averages the answers of models of sha256")
    assert export([one, other], license="Ours")[1].license == "Ours"


def test_the_order_counts_and_the_same_order_gives_the_same_bytes(two, export, tmp_path):
    first, card = export(two)
    second, again = export(two, tmp_path / "again.onnx")
    assert first.read_bytes() == second.read_bytes()
    assert export(two[::-1])[1].recipe_sha256 != card.recipe_sha256 == again.recipe_sha256


def test_an_ensemble_can_be_a_member(two, write_member, export, tmp_path, crops):
    inner, _ = export(two, tmp_path / "inner.onnx")
    third = write_member("c", seed=2)
    outer, card = export([inner, third], tmp_path / "outer.onnx")
    assert compare(outer, [inner, third], crops) < 1e-4
    hashes = [[hash_of(inner), hash_of(third)], [hash_of(path) for path in two]]
    places = [card.data.license.index(f"models of sha256 {', '.join(pair)}, trained on") for pair in hashes]
    assert places == sorted(places)
    assert card.data.license.count("Free.") == 1


def test_votes_of_some_members_only_are_left_out(two, write_member, export, crops):
    path, card = export([*two, write_member("c", seed=2, has_votes=False)])
    assert not card.has_votes
    assert len(load_model(path).run_heads(crops)) == 1


def test_a_file_that_leaves_a_member_out_is_never_written(two, export, monkeypatch, tmp_path):
    """The control of the exporter's own parity check."""
    build = ensemble.build_graph
    monkeypatch.setattr(ensemble, "build_graph", lambda models, temperatures: build(models[:1], temperatures))
    with pytest.raises(ModelError, match="differs from the mean of its members"):
        export(two)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx"]


def test_another_import_is_refused(two, tmp_path):
    import_data("synthetic", tmp_path / "other", count=70, seed=1)
    with pytest.raises(DataError, match="is not what the models were trained on"):
        export_ensemble(read_members([str(path) for path in two]), tmp_path / "other", tmp_path / "large.onnx")
    assert not (tmp_path / "large.onnx").exists()


def test_a_member_is_never_replaced(two, export, tmp_path):
    before = two[1].read_bytes()
    for out in (two[1], tmp_path / "folder" / ".." / "b.onnx"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="is one of the models that are averaged"):
            export(two, out)
    assert two[1].read_bytes() == before


def test_no_run_begins_with_the_weights_of_an_ensemble(two, export):
    path, _ = export(two)
    with pytest.raises(ModelError, match=r"is an ensemble: .* let it teach: --distill\.teachers"):
        read_pretrained(str(path))
    read_pretrained(str(two[0]))  # the control: a member is read


def test_an_ensemble_teaches(two, export, voted_faces, tmp_path, crops):
    path, _ = export(two)
    recipe = make_recipe({"network": "cnn3", "distill": {"teachers": [str(path)]}, "votes": {"weight": 0.5}})
    dataset = open_dataset(voted_faces)
    teachers = open_teachers(Run(tmp_path / "run"), recipe, describe_data(dataset))
    answers = teachers.answer(torch.from_numpy(crops)[:, None] / 255)
    for answer, head in zip(answers, load_model(path).run_heads(crops), strict=True):
        np.testing.assert_allclose(answer.numpy(), head, atol=1e-6)
    (teacher,) = teachers.taught.teachers
    assert (teacher.sha256, teacher.data_sha256) == (hash_of(path), dataset.manifest.sha256)


def test_what_takes_a_model_takes_an_ensemble(two, export, voted_faces, crops, tmp_path, monkeypatch, capsys):
    path, card = export(two, tmp_path / "models" / "large.onnx", name="large")
    monkeypatch.setenv(MODELS_DIR, str(path.parent))
    monkeypatch.chdir(tmp_path)
    heads = load_model(path).run_heads(crops)
    for labels, head in zip(("fer2013", "votes"), heads, strict=True):
        answers = mien.Recognizer.load("large", labels=labels).classify(crops)
        np.testing.assert_allclose(answers, head, atol=1e-6)
    scores = score_model(path, voted_faces, "validation").scores
    assert scores.votes is not None
    assert mien_run(["info", "large"]) == 0
    assert mien_run(["bench", "large", "--threads", "1", "--batch-size", "2", "--seconds", "0.01"]) == 0
    assert mien_run(["evaluate", "large", "--data", str(voted_faces), "--stamp"]) == 0
    assert "Averages the answers" in capsys.readouterr().out
    stamped = read_card(path.read_bytes())
    assert stamped.metrics["validation"].accuracy == scores.accuracy
    assert stamped.graph_sha256 == card.graph_sha256
