"""A disk that is full at any file of a run: one clear error, nothing half-written, the same bits once there is room.

The limit on the size of files makes `write` fail half-way, as a full disk does.
"""

import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch

from mien.core import atomic
from mien.core.errors import RunError
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.recipes import make_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train

resource = pytest.importorskip("resource", reason="needs limits of POSIX")

FIELDS = {"name": "full", "network": "vgg-bn", "options": {"width": 4}, "epochs": 2, "batch_size": 32, "seed": 7}
LIMIT_BYTES = 20
"""Every file of a run is longer."""


@pytest.fixture(scope="module")
def recipe(trained):
    return make_recipe(FIELDS | {"transfer": {"init": str(trained.path)}})


@pytest.fixture(scope="module")
def uninterrupted(recipe, faces, tmp_path_factory):
    return train(recipe, faces, tmp_path_factory.mktemp("whole") / "run")


@contextmanager
def limit(limit_bytes):
    """Let no file grow beyond a size; Python ignores the signal that would end it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_disk_at(monkeypatch, name, time):
    """Leave no room for the given file when it is written for the given time, counted from 1."""
    whole, times = atomic.atomic_file, []

    @contextmanager
    def write(path):
        times.append(path.name)
        with whole(path) as temporary:
            if path.name == name and times.count(name) == time:
                with limit(LIMIT_BYTES):
                    yield temporary
            else:
                yield temporary

    monkeypatch.setattr(atomic, "atomic_file", write)


def content(run):
    """Return what must be the same in two runs: all but the seconds and the lock."""
    weights = [load_checkpoint(path)["state_dict"] for path in (run.best_path, run.last_path)]
    texts = [path.read_text() for path in (run.recipe_path, run.data_path, run.init_path, run.temperature_path)]
    names = sorted(path.name for path in run.path.iterdir())
    return names, texts, [record[:-1] for record in run.history()], weights


def assert_same(one, two):
    (*facts, weights), (*other_facts, other_weights) = content(one), content(two)
    assert facts == other_facts
    for state, other in zip(weights, other_weights, strict=True):
        assert state.keys() == other.keys()
        assert all(torch.equal(state[name], other[name]) for name in state)


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("data.json", 1),
        ("environment.json", 1),
        ("recipe.toml", 1),
        ("init.json", 1),
        ("best.ckpt", 1),
        ("history.csv", 1),
        ("last.ckpt", 1),
        ("history.csv", 2),
        ("last.ckpt", 2),
        ("temperature.json", 1),
    ],
)
def test_a_disk_that_was_full_leaves_no_trace(uninterrupted, recipe, faces, tmp_path, monkeypatch, name, time):
    run = Run(tmp_path / "run")
    with monkeypatch.context() as patch:
        fill_disk_at(patch, name, time)
        with pytest.raises(RunError, match=rf"can't write .*{name}: File too large\. Make room there.*--resume"):
            train(recipe, faces, run.path)
    assert not run.is_finished
    assert not [path.name for path in run.path.iterdir() if ".partial-" in path.name]
    assert (run.path / name).exists() == (time > 1)
    assert time == 1 or run.history(), "what was there before is whole"
    assert run.last_path.exists() == ((name, time) in [("history.csv", 2), ("last.ckpt", 2), ("temperature.json", 1)])
    train(recipe, faces, run.path, resume=True)
    assert_same(run, uninterrupted)


def test_the_command_line_says_it_in_one_line(faces, tmp_path):
    run = Run(tmp_path / "run")
    command = ["train", "cnn3", "--data", faces, "--out", run.path, "--network", "vgg-bn", "--options.width", "4"]
    done = subprocess.run(
        [sys.executable, "-m", "mien", *map(str, command)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mien: error: can't write {run.best_path}: File too large.")
    names = {path.name for path in run.path.iterdir()} - {".lock"}
    assert names == {"recipe.toml", "data.json", "environment.json"}
