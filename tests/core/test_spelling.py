from mien.core.spelling import find_meant


def test_the_name_spelled_most_alike_is_found_or_none():
    assert find_meant("cnn33", ["resnet18", "cnn3", "vgg-bn"]) == "cnn3"
    assert find_meant("expresion", iter(["expression-nano", "expression"])) == "expression"
    assert find_meant("zebra", ["cnn3", "vgg-bn"]) is None
    assert find_meant("cnn3", []) is None
