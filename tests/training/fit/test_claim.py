"""A run's folder belongs to one run and one process, wherever links lead and whatever becomes of it meanwhile."""

import shutil
import subprocess
import sys

import pytest

from mien.core.errors import InputError, RunError
from mien.training.data.importing import import_data
from mien.training.fit.claim import hold_folder
from mien.training.fit.keeper import Keeper
from mien.training.fit.recipes import make_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links")

SMALL = {"network": "vgg-bn", "options": {"width": 4}, "epochs": 2, "batch_size": 32}
HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1], timeout=0):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def during_epoch(monkeypatch, epoch, action):
    """Do something while a run trains, before it writes what the epoch earned."""
    keep = Keeper.on_train_epoch_end

    def act_and_keep(self, trainer, module):
        if trainer.current_epoch == epoch:
            action()
        keep(self, trainer, module)

    monkeypatch.setattr(Keeper, "on_train_epoch_end", act_and_keep)


@posix
def test_a_folder_that_another_process_has_is_refused_under_any_name(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    lock = str(Run(tmp_path / "run").lock_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "ready\n"
        for name in ("run", "link", "run/../link"):
            with pytest.raises(RunError, match="another process"), hold_folder(Run(tmp_path / name)):
                pytest.fail("two processes had it")
    finally:
        other.communicate("go on\n")
    with hold_folder(Run(tmp_path / "link")):
        pass


def test_errors_of_the_training_are_not_taken_for_those_of_the_folder(tmp_path):
    for error in (PermissionError("of a camera"), InputError("of a batch")):
        with pytest.raises(type(error), match=r"^of a"), hold_folder(Run(tmp_path / "run")):
            raise error


@posix
def test_a_link_is_followed_and_may_lead_to_a_folder_that_is_not_there_yet(faces, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    assert train(make_recipe(SMALL | {"epochs": 1}), faces, tmp_path / "link").is_finished
    assert (tmp_path / "link").is_symlink()
    assert Run(tmp_path / "disk" / "run").is_finished
    with pytest.raises(RunError, match="holds a run already"):
        train(make_recipe(SMALL | {"epochs": 1}), faces, tmp_path / "disk" / "run")


@posix
def test_links_that_lead_in_a_circle_are_refused(faces, tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for out in (tmp_path / "one", tmp_path / "two" / "run"):
        with pytest.raises(InputError, match="in a circle"):
            train(make_recipe(SMALL), faces, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_place_that_cannot_be_is_refused_before_training(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.training.fit.expression.task.load_pictures", lambda *_: pytest.fail("pictures were read"))
    (tmp_path / "file").write_text("dear all")
    for out in (tmp_path / "file" / "run", tmp_path / ("long" * 100)):
        with pytest.raises(InputError, match="can't write"):
            train(make_recipe(SMALL), faces, out)


def test_a_run_that_is_removed_while_it_trains_is_not_made_anew_in_part(faces, tmp_path, monkeypatch):
    during_epoch(monkeypatch, 1, lambda: shutil.rmtree(tmp_path / "run"))
    with pytest.raises(RunError, match="moved, removed or replaced"):
        train(make_recipe(SMALL), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_moved_while_it_trains_goes_on_there(faces, tmp_path, monkeypatch):
    whole = train(make_recipe(SMALL), faces, tmp_path / "whole")
    with monkeypatch.context() as patch:
        during_epoch(patch, 1, lambda: (tmp_path / "run").rename(tmp_path / "there"))
        with pytest.raises(RunError, match="moved, removed or replaced"):
            train(make_recipe(SMALL), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    moved = train(make_recipe(SMALL), faces, tmp_path / "there", resume=True)
    assert [record[:-1] for record in moved.history()] == [record[:-1] for record in whole.history()]


def test_another_run_in_its_place_is_left_alone(faces, tmp_path, trained, monkeypatch):
    def replace():
        shutil.rmtree(tmp_path / "run")
        shutil.copytree(trained.path, tmp_path / "run")

    during_epoch(monkeypatch, 1, replace)
    with pytest.raises(RunError, match="moved, removed or replaced"):
        train(make_recipe(SMALL), faces, tmp_path / "run")
    assert Run(tmp_path / "run").last_path.read_bytes() == trained.last_path.read_bytes()


def test_data_that_are_removed_while_it_trains_are_in_memory(faces, tmp_path, monkeypatch):
    shutil.copytree(faces, tmp_path / "data")
    whole = train(make_recipe(SMALL), faces, tmp_path / "whole")

    def cut_and_remove():
        with (tmp_path / "data" / "images.npy").open("r+b") as images:
            images.truncate(100)
        shutil.rmtree(tmp_path / "data")

    during_epoch(monkeypatch, 0, cut_and_remove)
    run = train(make_recipe(SMALL), tmp_path / "data", tmp_path / "run")
    assert [record[:-1] for record in run.history()] == [record[:-1] for record in whole.history()]


def test_a_run_is_not_resumed_with_other_data(faces, tmp_path, monkeypatch):
    other = tmp_path / "other"
    import_data("synthetic", other, count=210, seed=3)
    with monkeypatch.context() as patch:
        during_epoch(patch, 1, lambda: (_ for _ in ()).throw(RuntimeError("power cut")))
        with pytest.raises(RuntimeError, match="power cut"):
            train(make_recipe(SMALL), faces, tmp_path / "run")
    with pytest.raises(RunError, match="trained on other data"):
        train(make_recipe(SMALL), other, tmp_path / "run", resume=True)
    shutil.copytree(faces, tmp_path / "moved")  # the data are known by their hash, not by their path
    assert train(make_recipe(SMALL), tmp_path / "moved", tmp_path / "run", resume=True).is_finished
