"""Two processes train as one does, and go on after one of them was killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mien.core.errors import DataError, RecipeError, RunError
from mien.training.data.batches import Batch, Batches
from mien.training.data.importing import import_data
from mien.training.data.sections import Augment
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.processes import Processes, find_processes
from mien.training.fit.recipes import make_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train

PLAIN = dict.fromkeys(Augment.model_fields, 0.0)
# nothing that each process draws for itself, and no batch norm: then two processes compute what one computes
FIELDS = {
    "network": "cnn3",
    "options": {"dropout": 0.0, "dense_dropout": 0.0},
    "epochs": 3,
    "batch_size": 14,  # of 196 rows, so that none is left over
    "precision": "float32",
    "ema": 0.9,
    "augment": PLAIN,
    "optimizer": {"name": "sgd", "lr": 0.02},
}
WORKER = """
import json, os, signal, sys
from pathlib import Path
from mien.training.fit import trainer
from mien.training.fit.expression.module import ExpressionModule
from mien.training.fit.recipes import make_recipe

data, out, fields, way = sys.argv[1:]
if way == "killed":
    step = ExpressionModule.training_step
    def stop(self, batch, index):
        if self.global_rank == 1 and self.current_epoch == 1 and index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch, index)
    ExpressionModule.training_step = stop
run = trainer.train(make_recipe(json.loads(fields)), Path(data), Path(out), resume=way == "resumed")
assert run.is_finished  # for every process that comes back
"""


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    import_data("synthetic", tmp_path / "faces", count=280)
    return tmp_path / "faces"


def train_in_two(folder: Path, faces: Path, out: Path, way: str = "whole") -> subprocess.CompletedProcess[str]:
    script = folder / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    return subprocess.run(
        [*command, str(faces), str(out), json.dumps(FIELDS), way],
        capture_output=True,
        text=True,
        timeout=900,  # of machines that are busy
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_two_processes_give_what_one_gives_and_resume_after_a_kill(faces, tmp_path):
    alone = train(make_recipe(FIELDS), faces, tmp_path / "alone")
    done = train_in_two(tmp_path, faces, tmp_path / "two")
    assert done.returncode == 0, done.stderr
    two = Run(tmp_path / "two")
    assert two.environment().processes == 2
    for one, both in zip(alone.history(), two.history(), strict=True):
        assert both[1:6] == pytest.approx(one[1:6], abs=2e-3)
    assert two.calibration().best_epoch == alone.calibration().best_epoch

    killed = train_in_two(tmp_path, faces, tmp_path / "again", "killed")
    assert killed.returncode != 0
    again = Run(tmp_path / "again")
    assert len(again.history()) == 1
    with pytest.raises(RunError, match=r"by 2 process\(es\)"):
        train(make_recipe(FIELDS), faces, again.path, resume=True)
    done = train_in_two(tmp_path, faces, again.path, "resumed")
    assert done.returncode == 0, done.stderr
    first, second = (load_checkpoint(run.last_path)["state_dict"] for run in (two, again))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("rows", [40, 41, 43])
def test_the_processes_share_every_batch_evenly(rows):
    pictures = Batch(torch.arange(rows), torch.arange(rows), torch.arange(rows))
    alone = list(Batches(pictures, 8, seed=3))
    shares = [list(Batches(pictures, 8, seed=3, rank=rank, processes=2)) for rank in (0, 1)]
    for number, (first, second) in enumerate(zip(*shares, strict=True)):
        assert len(first.labels) == len(second.labels) >= 2
        together = set(first.labels.tolist()) | set(second.labels.tolist())
        assert together <= set(alone[number].labels.tolist())
        assert len(together) == len(first.labels) + len(second.labels) >= len(alone[number].labels) - 1


def test_a_batch_too_small_to_share_is_refused():
    Processes(count=4, local_count=4).check_batch_size(8)
    with pytest.raises(RecipeError, match="--batch-size 8 or more"):
        Processes(count=4, local_count=4).check_batch_size(7)


def test_a_validation_part_too_small_to_share_is_refused():
    Processes(count=4, local_count=4).check_validation(4)
    with pytest.raises(DataError, match="3 validation pictures are too few for 4 processes"):
        Processes(count=4, local_count=4).check_validation(3)


def test_whoever_asks_which_process_this_is_need_not_wait_for_torch():
    code = "import sys, mien.training.fit.processes as p; p.find_processes(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torchrun_says_which_process_this_is(monkeypatch):
    assert find_processes() == Processes()
    numbers = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    for name, value in {**numbers, "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, value)
    assert find_processes() == Processes(5, 8, 1, 4)
    assert find_processes().hosts == 2
