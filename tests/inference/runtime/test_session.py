from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest

from mien.core.errors import CardError, InputError, ModelError, ProviderError
from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import write_card
from mien.inference.runtime.session import open_graph


@pytest.fixture
def refuse(tmp_path):
    """Return a function that loads bytes as a model and returns the error's text."""

    def load(data: bytes, kind: type[ModelError] = ModelError) -> str:
        path = tmp_path / "candidate.onnx"
        path.write_bytes(data)
        with pytest.raises(kind) as caught:
            load_model(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    return load


def test_a_model_computes_what_onnx_runtime_computes(model_file, crops) -> None:
    ours = load_model(model_file, threads=1).run(crops)
    (theirs,) = onnxruntime.InferenceSession(str(model_file)).run(None, {"images": crops})
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_graph_is_opened_with_the_threads_asked_for_and_keeps_quiet(model_file) -> None:
    options = open_graph(model_file.read_bytes(), threads=3).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level) == (3, 1, 4)


def test_an_empty_batch_gives_no_rows(model_file) -> None:
    assert load_model(model_file).run(np.zeros((0, 48, 48), np.uint8)).shape == (0, 7)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 48, 48)), np.zeros((1, 47, 48), np.uint8), np.zeros((48, 48), np.uint8)]
)
def test_pictures_of_another_kind_are_refused(model_file, images) -> None:
    with pytest.raises(InputError, match=r"\(B, 48, 48\) uint8"):
        load_model(model_file).run(images)


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2", 257, 100_000])
def test_a_number_of_threads_that_is_none_is_refused(model_file, threads) -> None:
    with pytest.raises(InputError, match="threads"):
        load_model(model_file, threads=threads)


def test_an_absent_provider_is_refused_with_those_that_are_there(model_file) -> None:
    with pytest.raises(ProviderError, match="CPUExecutionProvider"):
        load_model(model_file, providers=["NoSuchProvider"])


@pytest.mark.parametrize("providers", [[], "CPUExecutionProvider"])
def test_providers_that_are_no_list_of_names_are_refused(model_file, providers) -> None:
    with pytest.raises(InputError, match="list of names"):
        load_model(model_file, providers=providers)


def test_a_provider_that_is_there_is_taken(model_file, crops) -> None:
    load_model(model_file, providers=["CPUExecutionProvider"]).run(crops)


def test_several_threads_give_the_same(model_file, crops) -> None:
    model = load_model(model_file)
    expected = model.run(crops)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: model.run(crops), range(32)):
            np.testing.assert_allclose(result, expected, atol=1e-6)


def test_labels_that_do_not_fit_the_output_are_refused(build_graph, build_card, refuse) -> None:
    graph = build_graph(6)
    text = refuse(write_card(graph, build_card(graph)), CardError)
    assert "'probabilities'" in text
    assert "7" in text


@pytest.mark.parametrize("claim", [{"color": "rgb"}, {"size_px": 64}])
def test_an_input_that_does_not_fit_the_card_is_refused(build_graph, build_card, refuse, claim) -> None:
    graph = build_graph()
    assert "'images'" in refuse(write_card(graph, build_card(graph, **claim)), CardError)


@pytest.mark.parametrize("fault", [{"batch": 1}, {"output_name": "scores"}, {"has_softmax": False}])
def test_a_graph_that_keeps_not_to_the_contract_is_refused(build_graph, build_card, refuse, fault) -> None:
    graph = build_graph(**fault)
    refuse(write_card(graph, build_card(graph)), CardError)


def test_weights_in_another_file_are_refused(build_graph, build_card, refuse) -> None:
    graph = build_graph(external="weights.bin")
    assert "another file" in refuse(write_card(graph, build_card(graph)))


def test_a_damaged_graph_with_a_matching_hash_is_refused(build_graph, build_card, refuse) -> None:
    graph = build_graph().replace(b"Softmax", b"Softmix")
    assert "ONNX Runtime can't open" in refuse(write_card(graph, build_card(graph)))


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x89PNG\r\n\x1a\n"])
def test_files_that_are_no_models_are_refused(refuse, data) -> None:
    refuse(data)


def test_a_truncated_model_is_refused(build_model, refuse) -> None:
    data = build_model()
    assert "cut short" in refuse(data[: len(data) // 2])
