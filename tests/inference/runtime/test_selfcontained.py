import onnx
import pytest

from mien.core.errors import ModelError
from mien.inference.runtime.selfcontained import check_self_contained


def test_a_model_with_its_weights_inside_passes(build_model) -> None:
    check_self_contained(build_model())


@pytest.mark.parametrize("location", ["weights.bin", "/etc/passwd", "../../secret"])
def test_weights_in_another_file_are_refused(build_graph, location: str) -> None:
    with pytest.raises(ModelError, match="another file"):
        check_self_contained(build_graph(external=location))


def test_a_tensor_hidden_in_a_branch_is_found(build_graph) -> None:
    model = onnx.load_from_string(build_graph())
    outside = onnx.numpy_helper.from_array(__import__("numpy").zeros(4, "float32"), "outside")
    outside.ClearField("raw_data")
    outside.data_location = onnx.TensorProto.EXTERNAL
    constant = onnx.helper.make_node("Constant", [], ["value"], value=outside)
    branch = onnx.helper.make_graph([constant], "branch", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["images"], ["unused"], then_branch=branch, else_branch=branch))
    with pytest.raises(ModelError, match="another file"):
        check_self_contained(model.SerializeToString())


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    from mien.inference.runtime.wire import encode_field

    graph = b""
    for _ in range(3000):  # a graph in an attribute in a node in a graph ...
        graph = encode_field(1, encode_field(5, encode_field(6, graph)))
    check_self_contained(encode_field(7, graph))
