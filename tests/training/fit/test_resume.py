"""A run killed at any moment ends as if nothing had happened."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from mien.core.errors import RunError
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.keeper import Keeper
from mien.training.fit.recipes import make_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train

# every piece with a state of its own: averaged weights, momentum, plateau, dropout, augmentation, oversampling
FIELDS = {
    "network": "vgg-bn",
    "options": {"width": 4},
    "epochs": 3,
    "batch_size": 16,
    "seed": 7,
    "rows": {"oversample": True},
    "schedule": {"name": "plateau", "patience_epochs": 0},
}
WORKER = """
import json, os, signal, sys
from pathlib import Path
from mien.training.fit import keeper, trainer
from mien.training.fit.expression.module import ExpressionModule
from mien.training.fit.keeper import Keeper
from mien.training.fit.recipes import make_recipe

data, out, fields, moment = sys.argv[1:]
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)

if moment == "middle of an epoch":
    step = ExpressionModule.training_step
    def stop(self, batch, index):
        if self.current_epoch == 1 and index == 3:
            kill()
        return step(self, batch, index)
    ExpressionModule.training_step = stop
elif moment == "middle of writing a checkpoint":
    from mien.training.fit import checkpoint
    def stop(path, data):
        if path.name == "last.ckpt" and path.exists():
            path.with_name(".last.ckpt.partial-dead").write_bytes(data[: len(data) // 2])
            kill()
        whole(path, data)
    whole, checkpoint.write_bytes = checkpoint.write_bytes, stop
elif moment == "between best and last":
    def stop(path, records):
        if len(records) == 2:
            kill()
        write(path, records)
    write, keeper.write_history = keeper.write_history, stop
elif moment == "before calibration":
    from mien.training.fit.expression.task import ExpressionTask
    ExpressionTask.finish = lambda *_: kill()

trainer.train(make_recipe(json.loads(fields)), Path(data), Path(out))
"""


def same_weights(first: Path, second: Path) -> bool:
    one, two = (load_checkpoint(path)["state_dict"] for path in (first, second))
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def figures(run: Run) -> list[tuple[float, ...]]:
    return [record[:-1] for record in run.history()]  # all but the seconds


@pytest.fixture(scope="module")
def uninterrupted(faces, tmp_path_factory) -> Run:
    return train(make_recipe(FIELDS), faces, tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize(
    "moment", ["middle of an epoch", "middle of writing a checkpoint", "between best and last", "before calibration"]
)
def test_a_killed_run_resumes_to_the_same_bits(uninterrupted, faces, tmp_path, moment):
    out = tmp_path / "run"
    killed = subprocess.run(
        [sys.executable, "-c", WORKER, str(faces), str(out), json.dumps(FIELDS), moment], capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not Run(out).is_finished
    resumed = train(make_recipe(FIELDS), faces, out, resume=True)
    assert figures(resumed) == figures(uninterrupted)
    assert same_weights(resumed.best_path, uninterrupted.best_path)
    assert same_weights(resumed.last_path, uninterrupted.last_path)
    assert resumed.calibration() == uninterrupted.calibration()


def test_a_run_killed_while_it_averages_resumes_to_the_same_bits(faces, tmp_path):
    fields = FIELDS | {"ema": 0.0, "swa": {"share": 1.0}}
    whole = train(make_recipe(fields), faces, tmp_path / "whole")
    out = tmp_path / "cut"
    command = [sys.executable, "-c", WORKER, str(faces), str(out), json.dumps(fields), "middle of an epoch"]
    killed = subprocess.run(command, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert load_checkpoint(out / "last.ckpt")["state_dict"]["averaged.n_averaged"] == 1
    resumed = train(make_recipe(fields), faces, out, resume=True)
    assert load_checkpoint(out / "last.ckpt")["state_dict"]["averaged.n_averaged"] == 3
    assert figures(resumed) == figures(whole)
    assert same_weights(resumed.last_path, whole.last_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer": {"name": "adam", "lr": 0.001}, "schedule": {"name": "cosine"}, "network": "cnn3", "options": {}},
        {"optimizer": {"name": "adamw", "lr": 0.001}, "schedule": {"name": "step", "every_epochs": 1}, "ema": 0.0},
        {"optimizer": {"name": "rmsprop", "lr": 0.001}, "schedule": {"name": "constant"}},
        {"optimizer": {"name": "adamax"}, "network": "resnet-se", "batch_size": 200},
        {"schedule": {"name": "one-cycle"}, "rows": {}, "loss": {"class_weights": True}, "precision": "float32"},
        {"optimizer": {"lr": 1e-9}, "ema": 0.9999, "best_by": "loss", "stop_after_epochs": 1, "epochs": 9},
        {"schedule": {"name": "one-cycle"}, "ema": 0.0, "swa": {"share": 0.75}, "epochs": 4},
        {"ema": 0.0, "swa": {"share": 0.5}, "epochs": 4},
        {"mix": {"mixup": 0.4, "cutmix": 1.0, "share": 0.8}, "loss": {"name": "focal"}},
        {
            "transfer": {"init": "a run", "freeze_layers": 3},
            "optimizer": {"layer_decay": 0.7},
            "schedule": {"name": "one-cycle"},
        },
        {
            "transfer": {"init": "a run", "freeze_layers": 3, "freeze_epochs": 2},
            "optimizer": {"name": "adam", "lr": 0.001},
        },
    ],
    ids=[
        "adam cosine",
        "adamw step",
        "rmsprop",
        "adamax one batch",
        "one-cycle",
        "stopping early",
        "swa",
        "swa plateau",
        "mixed focal",
        "frozen, layer rates",
        "thawed",
    ],
)
def test_every_optimizer_and_schedule_resumes_to_the_same_bits(faces, trained, tmp_path, monkeypatch, fields):
    if "transfer" in fields:
        fields = fields | {"transfer": fields["transfer"] | {"init": str(trained.path)}}
    recipe = make_recipe(FIELDS | fields)
    whole = train(recipe, faces, tmp_path / "whole")
    keep = Keeper.on_train_epoch_end
    cut_epoch = recipe.scheduled_epochs + 1 if recipe.swa.share else 1  # an epoch is averaged by then

    def stop(self, trainer, module):
        if trainer.current_epoch == cut_epoch:
            raise RuntimeError("power cut")
        keep(self, trainer, module)

    monkeypatch.setattr(Keeper, "on_train_epoch_end", stop)
    with pytest.raises(RuntimeError, match="power cut"):
        train(recipe, faces, tmp_path / "cut")
    monkeypatch.setattr(Keeper, "on_train_epoch_end", keep)
    resumed = train(recipe, faces, tmp_path / "cut", resume=True)
    assert figures(resumed) == figures(whole)
    assert same_weights(resumed.last_path, whole.last_path)
    assert same_weights(resumed.best_path, whole.best_path)


def test_a_run_is_begun_again_with_the_weights_it_was_begun_with(uninterrupted, trained, faces, tmp_path, monkeypatch):
    source = tmp_path / "weights.ckpt"
    shutil.copy(trained.best_path, source)
    recipe = make_recipe(FIELDS | {"transfer": {"init": str(source)}})
    whole = train(recipe, faces, tmp_path / "whole")

    def cut_at(epoch):
        def stop(self, trainer, module):
            if trainer.current_epoch == epoch:
                raise RuntimeError("power cut")
            keep(self, trainer, module)

        with monkeypatch.context() as patch:
            patch.setattr(Keeper, "on_train_epoch_end", stop)
            with pytest.raises(RuntimeError, match="power cut"):
                train(recipe, faces, tmp_path / "cut", resume=True)

    keep = Keeper.on_train_epoch_end
    cut_at(0)
    shutil.copy(uninterrupted.best_path, source)
    with pytest.raises(RunError, match=r"was begun with the weights of sha256 .* there are others now"):
        train(recipe, faces, tmp_path / "cut", resume=True)
    shutil.copy(trained.best_path, source)
    cut_at(1)
    source.unlink()  # a finished epoch has all that is needed
    resumed = train(recipe, faces, tmp_path / "cut", resume=True)
    assert figures(resumed) == figures(whole)
    assert same_weights(resumed.last_path, whole.last_path)


def test_another_seed_gives_other_weights(uninterrupted, faces, tmp_path):
    """The control of the comparison above: it can tell two runs apart."""
    other = train(make_recipe(FIELDS | {"seed": 8}), faces, tmp_path / "run")
    assert not same_weights(other.last_path, uninterrupted.last_path)


def test_the_same_seed_gives_the_same_bits(uninterrupted, faces, tmp_path):
    again = train(make_recipe(FIELDS), faces, tmp_path / "run")
    assert same_weights(again.last_path, uninterrupted.last_path)


def test_a_finished_run_is_returned_untouched(uninterrupted, faces):
    before = {path.name: path.stat().st_mtime_ns for path in uninterrupted.path.iterdir()}
    train(make_recipe(FIELDS), faces, uninterrupted.path, resume=True)
    assert {path.name: path.stat().st_mtime_ns for path in uninterrupted.path.iterdir()} == before


def test_a_run_is_not_overwritten(uninterrupted, faces):
    with pytest.raises(RunError, match="--resume"):
        train(make_recipe(FIELDS), faces, uninterrupted.path)


def test_a_run_is_not_resumed_with_another_recipe(uninterrupted, faces):
    with pytest.raises(RunError, match="epochs: 3 there, 4 now"):
        train(make_recipe(FIELDS | {"epochs": 4}), faces, uninterrupted.path, resume=True)


def test_resume_without_a_run_starts_one(faces, tmp_path):
    recipe = make_recipe(FIELDS | {"epochs": 1})
    assert train(recipe, faces, tmp_path / "run", resume=True).is_finished


def test_a_foreign_folder_is_refused(faces, tmp_path):
    (tmp_path / "letter.txt").write_text("dear all")
    with pytest.raises(RunError, match="no run"):
        train(ExpressionRecipe(), faces, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_ctrl_c_ends_in_one_line_and_can_be_resumed(faces, tmp_path):
    out = tmp_path / "run"
    options = ["--options.width", "4", "--epochs", "200", "--batch-size", "16"]
    command = [sys.executable, "-m", "mien", "train", "expression", "--data", faces, "--out", out, *options]
    process = subprocess.Popen(
        list(map(str, command)),
        stderr=subprocess.PIPE,
        text=True,
        # a job that a shell put into the background has its Ctrl-C switched off, and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (out / "last.ckpt").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors
    (ours,) = (line for line in errors.splitlines() if line.startswith("mien"))
    assert "--resume" in ours
    assert "Traceback" not in errors
    assert Run(out).is_started


def test_two_processes_never_train_in_one_folder(faces, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    with FileLock(out / ".lock", timeout=0), pytest.raises(RunError, match="another process"):
        train(make_recipe(FIELDS), faces, out)
    assert [path.name for path in out.iterdir()] in ([".lock"], [])
    assert train(make_recipe(FIELDS | {"epochs": 1}), faces, out).is_finished
