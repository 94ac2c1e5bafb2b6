"""Runs beside a trained one, without training them."""

import json
import shutil

import pytest


@pytest.fixture
def alter(tmp_path):
    """Return a function that copies a finished run and moves its weights a little; `facts` change its data.json."""
    torch = pytest.importorskip("torch", reason="training needs the train extra")
    from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint
    from mien.training.fit.run import Run

    def make(run, folder, /, *, seed=0, recipe=(), **facts):
        other = Run(shutil.copytree(run.path, tmp_path / folder))
        checkpoint = load_checkpoint(other.best_path)
        random = torch.Generator().manual_seed(seed)
        for key, value in checkpoint["state_dict"].items():
            if value.is_floating_point() and not key.endswith("running_var"):
                value += 0.01 * torch.randn(value.shape, generator=random)
            elif key.endswith("num_batches_tracked"):
                value += 1
        SafeCheckpoints().save_checkpoint(checkpoint, other.best_path)
        if facts:
            data = json.loads(other.data_path.read_text())
            other.data_path.write_text(json.dumps({**data, **facts}))
        text = other.recipe_path.read_text()
        for before, after in recipe:
            assert before in text, "the control"
            text = text.replace(before, after)
        other.recipe_path.write_text(text)
        return other

    return make
