import json

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.card import ExpressionCard
from mien.core.errors import CardError, ModelError
from mien.inference.runtime.envelope import (
    CARD_HASH_KEY,
    CARD_KEY,
    hash_graph,
    read_card,
    read_metadata,
    write_card,
    write_metadata,
)


def test_a_card_comes_back_as_it_was_written(build_graph, build_card) -> None:
    graph = build_graph()
    card = build_card(graph)
    assert read_card(write_card(graph, card)) == card


def test_writing_a_card_leaves_the_rest_of_the_file_byte_for_byte(build_graph, build_card) -> None:
    graph = build_graph()
    data = write_card(graph, build_card(graph))
    assert data.startswith(graph)
    assert hash_graph(data) == hash_graph(graph)
    assert write_metadata(data, {}) == graph


def test_the_onnx_package_reads_the_same_metadata(build_graph) -> None:
    data = write_metadata(build_graph(), {"a": "1", "Ü": "ja, schön " * 100, "empty": ""})
    theirs = {entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}
    assert read_metadata(data) == theirs
    onnx.checker.check_model(data)


def test_metadata_of_the_onnx_package_is_read(build_graph) -> None:
    model = onnx.load_from_string(build_graph())
    onnx.helper.set_model_props(model, {"author": "someone", "note": "ß"})
    data = model.SerializeToString()
    assert read_metadata(data) == {"author": "someone", "note": "ß"}
    assert hash_graph(data) == hash_graph(build_graph())


def test_a_new_card_takes_the_place_of_the_old_one_and_keeps_other_metadata(build_graph, build_card) -> None:
    graph = build_graph()
    data = write_card(write_metadata(graph, {"author": "someone"}), build_card(graph))
    renamed = write_card(data, read_card(data).model_copy(update={"name": "second"}))
    assert read_card(renamed).name == "second"
    assert list(read_metadata(renamed)) == ["author", CARD_KEY, CARD_HASH_KEY]


def test_a_card_edited_by_hand_is_noticed(build_model) -> None:
    data = build_model()
    assert b'"name":"tiny"' in data
    with pytest.raises(CardError, match="card was changed"):
        read_card(data.replace(b'"name":"tiny"', b'"name":"huge"'))


def test_a_changed_graph_is_noticed(build_model) -> None:
    data = bytearray(build_model())
    data[len(data) // 2] ^= 1  # in the middle of the weights
    with pytest.raises(CardError, match="graph is not the one"):
        read_card(bytes(data))


def test_the_card_of_another_graph_is_noticed(build_graph, build_card) -> None:
    graph, other = build_graph(seed=0), build_graph(seed=1)
    with pytest.raises(CardError, match="graph is not the one"):
        write_card(other, build_card(graph))
    metadata = read_metadata(write_card(graph, build_card(graph)))
    with pytest.raises(CardError, match="graph is not the one"):
        read_card(write_metadata(other, metadata))


def test_a_model_without_a_card_is_refused_with_the_way_to_make_one(build_graph) -> None:
    with pytest.raises(CardError, match="mien export RUN --out"):
        read_card(build_graph())


def test_a_card_of_another_version_is_refused(build_graph, build_card) -> None:
    graph = build_graph()
    data = write_card(graph, build_card(graph, schema_version=2))
    with pytest.raises(CardError, match="version 2"):
        read_card(data)


def test_a_card_that_is_no_json_is_refused(build_graph, build_card) -> None:
    import hashlib

    for text in ("", "{", "[]", json.dumps({"name": "x"})):
        digest = hashlib.sha256(text.encode()).hexdigest()
        with pytest.raises(CardError):
            read_card(write_metadata(build_graph(), {CARD_KEY: text, CARD_HASH_KEY: digest}))


@pytest.mark.parametrize(
    "data", [b"", b"hello world", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff\xd8\xff\xe0" * 9, bytes(64)]
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    for read in (hash_graph, read_metadata, read_card):
        with pytest.raises(ModelError):
            read(data)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(build_model, share: float) -> None:
    data = build_model()
    with pytest.raises(ModelError):
        read_card(data[: int(len(data) * share)])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_with_anything_but_our_errors(data: bytes) -> None:
    try:
        card = read_card(data)
    except ModelError:
        return
    assert isinstance(card, ExpressionCard)


def test_metadata_that_is_no_text_is_refused(build_graph) -> None:
    from mien.inference.runtime.wire import encode_field

    data = build_graph() + encode_field(14, encode_field(1, b"\xff") + encode_field(2, b"x"))
    with pytest.raises(ModelError, match="UTF-8"):
        read_metadata(data)
